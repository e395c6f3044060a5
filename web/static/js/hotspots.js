// Kernel density of incidents, with the densest cells listed.

import { endpoints, map, number, settings, t } from "./config.js";
import { facts, field, h, select, table } from "./dom.js";
import { fetchJson, latest, remember, state } from "./fetching.js";
import { layerSwitch, legend, panel, say, search } from "./furniture.js";

const { L } = window;

const COLOURS = ["#fff3c4", "#fdd07a", "#f79a4c", "#e0592f", "#a81c26"];
const LEAST_SHARE = 0.02;

export async function start() {
  const switcher = layerSwitch();
  search();
  if (!settings.runs.length) {
    panel.replaceChildren(say(t("hotspots.empty"), { link: settings.next_step }));
    return;
  }
  const surface = L.geoJSON(null, {
    style: (feature) => ({
      stroke: false,
      fillColor: feature.colour,
      fillOpacity: 0.62,
    }),
    onEachFeature: (feature, layer) => {
      feature.layer = layer;
      layer.bindPopup(() => popup(feature.properties));
    },
  }).addTo(map);
  switcher.addOverlay(surface, t("map.layer.hotspots"));
  let key = null;

  const chosen = settings.runs.find((run) => run.run === state().run) ?? settings.runs[0];
  const answer = h("div", { class: "answer" });
  panel.replaceChildren(
    h(
      "form",
      { class: "filters", onsubmit: (event) => event.preventDefault() },
      field(
        t("field.run"),
        select(
          "run",
          settings.runs.map((run) => [run.run, run.label]),
          chosen.run,
          (run) => {
            remember({ run });
            answer.replaceChildren(say(t("map.loading")));
            load(run);
          },
        ),
        { isWide: true },
      ),
    ),
    h("p", { class: "note" }, t("hotspots.what")),
    answer,
  );

  const load = latest(
    (run) => fetchJson(endpoints.hotspots, { run }),
    show,
    (error) => answer.replaceChildren(say(error.message, { isError: true })),
  );

  function show(found) {
    surface.clearLayers();
    key?.remove();
    const densities = found.features.map((feature) => feature.properties.density_per_km2);
    const most = Math.max(0, ...densities);
    if (!most) {
      answer.replaceChildren(say(t("hotspots.nothing")));
      return;
    }
    const shown = found.features.filter(
      (feature) => feature.properties.density_per_km2 >= LEAST_SHARE * most,
    );
    for (const feature of shown) feature.colour = colour(feature.properties.density_per_km2, most);
    surface.addData({ type: "FeatureCollection", features: shown });
    key = legend(
      t("hotspots.legend"),
      COLOURS.map((entry, position) => ({
        colour: entry,
        label: `${number((most * position) / COLOURS.length)} – ${number((most * (position + 1)) / COLOURS.length)}`,
      })),
      t("unit.incidents_per_km2"),
    );
    const total = found.features.reduce((sum, feature) => sum + feature.properties.n_incidents, 0);
    const densest = [...shown]
      .sort((a, b) => b.properties.density_per_km2 - a.properties.density_per_km2)
      .slice(0, 20);
    answer.replaceChildren(
      h("p", { class: "count" }, t("hotspots.count", { n: number(total) })),
      table(
        [
          {
            label: t("field.density"),
            value: ({ properties }) => properties.density_per_km2,
            show: ({ properties }) => number(properties.density_per_km2),
            numeric: true,
          },
          {
            label: t("field.n_incidents"),
            value: ({ properties }) => properties.n_incidents,
            show: ({ properties }) => number(properties.n_incidents),
            numeric: true,
          },
          {
            label: t("field.cell"),
            value: ({ properties }) => properties.cell,
            show: ({ properties }) => properties.cell,
          },
        ],
        densest,
        {
          sortBy: 0,
          onpick: ({ layer }) => {
            map.fitBounds(layer.getBounds(), { maxZoom: 17 });
            layer.openPopup();
          },
          caption: t("hotspots.table"),
        },
      ),
    );
  }

  load(chosen.run);
}

function colour(density, most) {
  const position = Math.min(COLOURS.length - 1, Math.floor((density / most) * COLOURS.length));
  return COLOURS[position];
}

function popup(row) {
  return facts(t("hotspots.cell", { cell: row.cell }), [
    [t("field.density"), `${number(row.density_per_km2)} ${t("unit.incidents_per_km2")}`],
    [t("field.n_incidents"), number(row.n_incidents)],
  ]);
}
