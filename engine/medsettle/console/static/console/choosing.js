// Lists whose rows are chosen, and fields that are asked for only where another one says so.
"use strict";
(() => {
  // <input type="checkbox" data-all="NAME">: chooses all boxes of that name in its form.
  document.querySelectorAll("input[data-all]").forEach((all) => {
    const boxes = [...all.form.querySelectorAll(`input[name="${all.dataset.all}"]`)];
    const show = () => {
      const chosen = boxes.filter((box) => box.checked).length;
      all.checked = boxes.length > 0 && chosen === boxes.length;
      all.indeterminate = chosen > 0 && chosen < boxes.length;
    };
    all.addEventListener("change", () => boxes.forEach((box) => { box.checked = all.checked; }));
    boxes.forEach((box) => box.addEventListener("change", show));
    show();
  });
  // <div data-when="ID=VALUE">: shown while the field has the value.
  document.querySelectorAll("[data-when]").forEach((part) => {
    const [id, value] = part.dataset.when.split("=");
    const field = document.getElementById(id);
    const show = () => { part.hidden = field.value !== value; };
    field.addEventListener("change", show);
    show();
  });
  // <form data-most="BYTES" data-too-large="…">: files that are larger together are not sent.
  document.querySelectorAll("form[data-most]").forEach((form) => {
    const fields = [...form.querySelectorAll('input[type="file"]')];
    form.addEventListener("change", () => {
      const size = fields.flatMap((field) => [...field.files]).reduce((sum, file) => sum + file.size, 0);
      const told = size > Number(form.dataset.most) ? form.dataset.tooLarge : "";
      fields.forEach((field) => field.setCustomValidity(field.files.length ? told : ""));
    });
  });
})();
