"""Pictures as inline SVG: drawn here, coloured by style.css, without a script."""
