// Rows of fields: a button with data-more adds one to the table that data-rows names, as the server would.
"use strict";
document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-more]");
  if (!button) return;
  const name = button.dataset.more;
  const body = document.querySelector(`table[data-rows="${name}"] tbody`);
  const total = document.getElementById(`id_${name}-TOTAL_FORMS`);
  const count = Number(total.value);
  if (!body || !body.rows.length || count >= Number(button.dataset.most)) return;
  event.preventDefault();
  const row = body.rows[body.rows.length - 1].cloneNode(true);
  row.querySelectorAll(".errorlist").forEach((each) => each.remove());
  row.querySelectorAll(".faulty").forEach((each) => each.classList.remove("faulty"));
  row.querySelectorAll("input, select, label").forEach((field) => {
    for (const key of ["id", "name", "for"]) {
      const held = field.getAttribute(key);
      if (held) field.setAttribute(key, held.replace(`${name}-${count - 1}-`, `${name}-${count}-`));
    }
    if (field.matches("label")) field.textContent = field.textContent.replace(String(count), String(count + 1));
    else { field.value = ""; field.removeAttribute("aria-invalid"); }
  });
  row.cells[0].firstChild.textContent = String(count + 1);
  body.append(row);
  total.value = String(count + 1);
  row.querySelector("td input").focus();
});
