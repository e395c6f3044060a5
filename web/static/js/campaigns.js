// The month's pain points on the map, linked to their cards.

import { map, settings, t } from "./config.js";
import { fetchJson } from "./fetching.js";
import { layerSwitch, legend, panel, search } from "./furniture.js";

const { L } = window;

const STYLES = {
  point: { color: "#a81c26", weight: 2.5, fillColor: "#e0592f", fillOpacity: 0.35 },
  campaign: { color: "#1b6b5a", weight: 3, dashArray: "7 5", fillOpacity: 0.08 },
};

export async function start() {
  const switcher = layerSwitch();
  search();
  const found = await fetchJson(settings.points);
  const shapes = new Map();
  const layer = L.geoJSON(found, {
    style: (feature) => STYLES[feature.properties.kind],
    onEachFeature: (feature, shape) => {
      const { code, rank } = feature.properties;
      shapes.set(code, shape);
      if (rank) {
        L.tooltip({ permanent: true, direction: "center", className: "rank" })
          .setLatLng(feature.properties.label)
          .setContent(String(rank))
          .addTo(map);
      }
      shape.on("click", () => mark(code, { isFromMap: true }));
    },
  }).addTo(map);
  switcher.addOverlay(layer, t("map.layer.campaigns"));
  if (found.features.length) {
    legend(t("map.layer.campaigns"), [
      { colour: STYLES.point.fillColor, label: t("campaigns.legend.point") },
      { colour: STYLES.campaign.color, label: t("campaigns.legend.campaign") },
    ]);
  }

  function mark(code, { isFromMap = false } = {}) {
    for (const card of panel.querySelectorAll("[data-code]")) {
      const isIt = card.dataset.code === code;
      card.classList.toggle("is-marked", isIt);
      if (isIt && isFromMap) card.scrollIntoView({ block: "nearest" });
    }
    for (const [key, shape] of shapes) {
      shape.setStyle({ weight: key === code ? 5 : STYLES[shape.feature.properties.kind].weight });
    }
    if (!isFromMap && shapes.has(code)) {
      map.fitBounds(shapes.get(code).getBounds(), { maxZoom: 17 });
    }
  }

  panel.addEventListener("click", (event) => {
    const button = event.target.closest("[data-show]");
    if (button) mark(button.dataset.show);
  });
}
