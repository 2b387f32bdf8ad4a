// What pages cannot do on the server: charts, keys, parts that renew themselves, checks as you type.
"use strict";
(() => {
  const own = document.currentScript;
  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const inColour = (value) => {
    if (typeof value === "string" && /^--[\w-]+(\/\d+)?$/.test(value)) {
      const [name, percent] = value.split("/");
      const colour = style(name);
      return percent ? colour + Math.round(percent * 2.55).toString(16).padStart(2, "0") : colour;
    }
    if (Array.isArray(value)) return value.map(inColour);
    if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, inColour(v)]));
    return value;
  };
  const draw = (place) => {
    const { data, layout = {} } = inColour(JSON.parse(document.getElementById(place.dataset.figure).textContent));
    const text = style("--body-fg"), line = style("--hairline-color");
    const axis = { gridcolor: line, zerolinecolor: line, automargin: true };
    const whole = {
      margin: { l: 10, r: 10, t: 10, b: 10 }, font: { color: text, size: 12, family: style("--font-family-primary") },
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", height: place.clientHeight, ...layout,
      xaxis: { ...axis, ...layout.xaxis }, yaxis: { ...axis, ...layout.yaxis },
    };
    // Where there is no room for all labels, fewer stand there.
    if (place.clientWidth < 900) data.forEach((each) => { if (each.meta?.narrow) each.node.label = each.meta.narrow; });
    if (place.dataset.drawn) Plotly.react(place, data, whole).then(() => title(place));
    else Plotly.newPlot(place, data, whole, { displaylogo: false, displayModeBar: false, responsive: true }).then(() => title(place));
    place.dataset.drawn = "yes";
  };
  // Nodes and links of flows say what they are, also where no label stands.
  const title = (place) => place.querySelectorAll(".sankey-node, .sankey-link").forEach((shape) => {
    const { node, link } = place.data[0], bound = shape.__data__;
    const said = document.createElementNS(shape.namespaceURI, "title");
    said.textContent = bound.node ? node.customdata[bound.node.pointNumber] : link.customdata[bound.link.pointNumber];
    shape.querySelector(":scope > title")?.remove();
    shape.prepend(said);
  });
  const drawAll = (within = document) => within.querySelectorAll("[data-figure]").forEach(draw);
  let plotly = null;
  const charts = (within) => {
    if (!within.querySelector("[data-figure]")) return;
    plotly ??= new Promise((done) => {
      const script = document.createElement("script");
      script.src = own.dataset.plotly;
      script.onload = done;
      document.head.append(script);
    });
    plotly.then(() => drawAll(within));
  };
  // The page is painted first: the script of the charts is large.
  window.addEventListener("load", () => requestAnimationFrame(() => setTimeout(() => charts(document))));
  const repaint = () => plotly && plotly.then(() => drawAll());
  new MutationObserver(repaint).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);

  // Keys: "g" and the letter of a page; "/" searches; a letter alone for links such as the next part.
  let pending = false;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
    if (event.key === "/") {
      const field = document.querySelector("[data-search]");
      if (field) { field.focus(); event.preventDefault(); }
    } else if (event.key === "g") { pending = true; setTimeout(() => { pending = false; }, 1500); return; }
    const where = pending ? "#nav-sidebar" : "#content";
    pending = false;
    const link = [...document.querySelectorAll(`${where} a[data-key]`)].find((each) => each.dataset.key === event.key);
    if (link) link.click();
  });

  // <div data-renew="URL" data-every="5">: its content is asked for again, with data-now at once too;
  // a lost connection is told. A button with data-pause keeps everything as it is while it is pressed.
  const lost = document.getElementById("lost");
  const fetched = async (url, options) => {
    try {
      const answer = await fetch(url, { headers: { "X-Requested-With": "fetch" }, signal: AbortSignal.timeout(20000), ...options });
      if (lost) lost.hidden = answer.status < 500;
      return answer;
    } catch {
      if (lost) lost.hidden = false;
      return null;
    }
  };
  const focusable = "a[href], button, input, select, textarea, summary, [tabindex]";
  // What stands where something stood before keeps its focus, and how far it was scrolled or opened;
  // a chart that is drawn already gets its new figures and is not drawn anew.
  const fill = (place, html) => {
    const focused = [...place.querySelectorAll(focusable)].indexOf(document.activeElement);
    const { id } = document.activeElement;
    const scrolled = [...place.querySelectorAll(".wide")].map((each) => [each.scrollLeft, each.scrollTop]);
    const opened = [...place.querySelectorAll("details")].map((each) => each.open);
    const drawn = [...place.querySelectorAll("[data-drawn]")];
    place.innerHTML = html;
    place.querySelectorAll("[data-figure]").forEach((fresh) => {
      const known = drawn.find((each) => each.getAttribute("aria-label") === fresh.getAttribute("aria-label"));
      if (!known) return;
      known.dataset.figure = fresh.dataset.figure;
      fresh.replaceWith(known);
    });
    place.querySelectorAll("details").forEach((each, at) => { each.open = opened[at] ?? each.open; });
    place.querySelectorAll(".wide").forEach((each, at) => { [each.scrollLeft, each.scrollTop] = scrolled[at] ?? [0, 0]; });
    if (focused >= 0) {
      const again = (id && document.getElementById(id)) || place.querySelectorAll(focusable)[focused];
      if (again) again.focus({ preventScroll: true });
    }
    charts(place);
    renewing(place);
  };
  let paused = false;
  document.querySelectorAll("[data-pause]").forEach((button) => button.addEventListener("click", () => {
    paused = !paused;
    button.setAttribute("aria-pressed", String(paused));
  }));
  const renewing = (within) => within.querySelectorAll("[data-renew]").forEach((place) => {
    const every = Number(place.dataset.every || 5) * 1000;
    const again = async () => {
      if (!place.isConnected) return;
      if (!document.hidden && !paused) {
        const answer = await fetched(place.dataset.renew);
        if (answer && answer.redirected) { location.reload(); return; }
        if (answer && answer.ok && !paused) fill(place, await answer.text());
        if (answer && answer.headers.get("X-Done")) return;
      }
      setTimeout(again, every);
    };
    setTimeout(again, "now" in place.dataset ? 0 : every);
  });
  renewing(document);

  // <form data-check="URL" data-into="ID">: what the server says of it, while it is filled in.
  document.querySelectorAll("form[data-check]").forEach((form) => {
    let waiting = 0, asked = 0;
    form.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(async () => {
        const number = ++asked;
        const answer = await fetched(form.dataset.check, { method: "POST", body: new FormData(form) });
        if (answer && number === asked) fill(document.getElementById(form.dataset.into), await answer.text());
      }, 400);
    });
  });
})();
