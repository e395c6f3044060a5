// What every map has: outlines to switch, a legend with units, search, and the panel's states.

import { endpoints, map, settings, t } from "./config.js";
import { h } from "./dom.js";
import { fetchJson, latest } from "./fetching.js";

const { L } = window;

export const panel = document.getElementById("panel");

/** Show the whole town. */
export function showTown() {
  if (!settings.bounds) return;
  const [west, south, east, north] = settings.bounds;
  map.fitBounds(
    [
      [south, west],
      [north, east],
    ],
    { padding: [16, 16], animate: false },
  );
}

/** The panel's content while waiting, after a failure, or when there is nothing yet. */
export function say(message, { isError = false, link = null } = {}) {
  return h(
    "div",
    { class: isError ? "state error" : "state", role: isError ? "alert" : "status" },
    h("p", {}, message),
    link ? h("a", { class: "button", href: link.href }, link.label) : null,
  );
}

/** A legend; `rows` are {colour, label, line}. */
export function legend(title, rows, note = null) {
  const control = L.control({ position: "bottomright" });
  control.onAdd = () => {
    const box = h(
      "details",
      { class: "legend", open: window.innerWidth > 700 },
      h("summary", {}, title),
      h(
        "ul",
        {},
        rows.map(({ colour, label, line }) =>
          h(
            "li",
            {},
            h("span", {
              class: line ? "swatch line" : "swatch",
              style: { background: colour },
              "aria-hidden": "true",
            }),
            label,
          ),
        ),
      ),
      note ? h("p", { class: "note" }, note) : null,
    );
    L.DomEvent.disableClickPropagation(box);
    L.DomEvent.disableScrollPropagation(box);
    return box;
  };
  control.addTo(map);
  return control;
}

/** The layer switch, with the outlines that every map can show. */
export function layerSwitch(overlays = {}) {
  const switcher = L.control.layers(null, overlays, { position: "topright", collapsed: true });
  switcher.addTo(map);
  const button = switcher.getContainer().querySelector(".leaflet-control-layers-toggle");
  button?.setAttribute("title", t("map.layers"));
  button?.setAttribute("aria-label", t("map.layers"));
  addOutline(switcher, "communities", { color: "#6b4f9a", weight: 2.5, dashArray: "8 5" }, true);
  addOutline(switcher, "compounds", { color: "#8a6d3b", weight: 1.2 }, false);
  return switcher;
}

function addOutline(switcher, layer, style, isShown) {
  const outline = L.geoJSON(null, {
    style: { ...style, fill: false },
    interactive: false,
    filter: (feature) => feature.geometry.type !== "Point",
  });
  let isLoaded = false;
  outline.on("add", async () => {
    if (isLoaded) return;
    isLoaded = true;
    try {
      outline.addData(await fetchJson(endpoints[layer]));
    } catch (error) {
      isLoaded = false;
      panel.prepend(say(error.message, { isError: true }));
    }
  });
  switcher.addOverlay(outline, t(`map.layer.${layer}`));
  if (isShown) outline.addTo(map);
}

/** Search by grid code, address, compound or street; a pick is shown and told to `onpick`. */
export function search(onpick = () => {}) {
  const list = h("ul", { class: "search-results", role: "listbox", hidden: true });
  const input = h("input", {
    type: "search",
    placeholder: t("map.search"),
    "aria-label": t("map.search"),
    autocomplete: "off",
  });
  const ring = L.circleMarker([0, 0], { radius: 14, color: "#c2185b", weight: 3, fill: false });

  const look = latest(
    (text) => (text ? fetchJson(endpoints.search, { q: text }) : { features: [] }),
    (answer, text) => {
      const rows = answer.features.map((feature) =>
        h(
          "li",
          { role: "option" },
          h(
            "button",
            { type: "button", onclick: () => pick(feature) },
            h("span", {}, feature.properties.label || feature.properties.key),
            h("small", {}, t(`search.kind.${feature.properties.kind}`)),
          ),
        ),
      );
      if (text && !rows.length) rows.push(h("li", { class: "none" }, t("map.search_none")));
      list.replaceChildren(...rows);
      list.hidden = !rows.length;
    },
    (error) => {
      list.replaceChildren(h("li", { class: "none" }, error.message));
      list.hidden = false;
    },
  );

  function pick(feature) {
    const [lon, lat] = feature.geometry.coordinates;
    list.hidden = true;
    input.value = feature.properties.label || feature.properties.key;
    ring.setLatLng([lat, lon]).addTo(map);
    map.setView([lat, lon], Math.max(map.getZoom(), 17));
    onpick(feature.properties);
  }

  let timer = null;
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => look(input.value.trim()), 200);
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      list.hidden = true;
      ring.remove();
    }
    if (event.key === "Enter") list.querySelector("button")?.click();
  });

  const control = L.control({ position: "topleft" });
  control.onAdd = () => {
    const box = h("div", { class: "map-search" }, input, list);
    L.DomEvent.disableClickPropagation(box);
    L.DomEvent.disableScrollPropagation(box);
    return box;
  };
  control.addTo(map);
  const box = control.getContainer();
  box.parentElement.prepend(box);
}
