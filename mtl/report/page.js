"use strict";
// The page reads without this; it adds a filter, sorting, and opening what a link points at.
const find = document.getElementById("find");
if (find) {
  const rows = [...document.querySelectorAll("[data-task]")];
  const total = new Set(rows.map((row) => row.dataset.task)).size;
  find.closest("label").hidden = false;
  find.addEventListener("input", () => {
    const wanted = find.value.trim().toLowerCase();
    const met = new Set();
    for (const row of rows) {
      row.hidden = !row.dataset.task.toLowerCase().includes(wanted);
      if (!row.hidden) met.add(row.dataset.task);
    }
    document.getElementById("found").textContent = wanted ? `${met.size} of ${total}` : "";
  });
}

for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => sort(table, heads, head, column));
  });
}

function sort(table, heads, head, column) {
  const down = head.getAttribute("aria-sort") !== "descending";
  const key = (row) => row.cells[column].dataset.sort ?? row.cells[column].textContent.trim();
  const rows = [...table.tBodies[0].rows].sort((a, b) => {
    const [x, y] = [key(a), key(b)];
    if (x === "" || y === "") return (x === "") - (y === ""); // what is unknown stays last
    const order = isNaN(x) || isNaN(y) ? x.localeCompare(y) : x - y;
    return down ? -order : order;
  });
  heads.forEach((other) => other.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  table.tBodies[0].append(...rows);
}

function unfold() {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  if (target instanceof HTMLDetailsElement) {
    target.open = true;
    target.scrollIntoView();
  }
}
addEventListener("hashchange", unfold);
unfold();

for (const button of document.querySelectorAll("button.unfold")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    const all = [...document.querySelectorAll("details.one")];
    const open = all.some((one) => !one.open);
    all.forEach((one) => (one.open = open));
    button.textContent = open ? "Fold all" : "Unfold all";
  });
}
