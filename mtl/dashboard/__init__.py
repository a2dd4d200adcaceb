"""`mtl dashboard`: reports/dashboard.html, the history of a project's runs on one page that loads nothing from anywhere."""
