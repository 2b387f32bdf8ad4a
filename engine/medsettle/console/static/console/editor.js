// Places of a text: a link with data-line goes to that line and column of the text it names.
"use strict";
document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-line]");
  const field = link && document.getElementById(link.dataset.in);
  if (!field) return;
  event.preventDefault();
  const lines = field.value.split("\n"), line = Math.min(Number(link.dataset.line), lines.length);
  const before = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0);
  const at = before + Math.min(Number(link.dataset.column || 1) - 1, lines[line - 1].length);
  field.focus();
  field.setSelectionRange(at, before + lines[line - 1].length);
  field.scrollTop = (line - 4) * parseFloat(getComputedStyle(field).lineHeight);
});
