// Grids coloured by deviation from target, and the table of them.

import { endpoints, map, number, percent, settings, shortCode, t } from "./config.js";
import { facts, gridCode, h, table } from "./dom.js";
import { fetchJson, state } from "./fetching.js";
import { layerSwitch, legend, panel, say, search } from "./furniture.js";

const { L } = window;

const EXACT = 1e-9; // a deviation of exactly 5% is within 5%

// Blue for too few, orange for too many: told apart by colour-blind eyes and in print.
const CLASSES = [
  { above: -Infinity, colour: "#2166ac" },
  { above: -0.1 - EXACT, colour: "#92c5de" },
  { above: -0.05 - EXACT, colour: "#f7f4ea" },
  { above: 0.05 + EXACT, colour: "#fdb863" },
  { above: 0.1 + EXACT, colour: "#c75b12" },
];

const colourOf = (deviation) =>
  deviation === null ? "#bdbdbd" : CLASSES.findLast((entry) => deviation >= entry.above).colour;

const mark = (properties) =>
  properties.households_estimated ? t("plan.estimated_mark") : "";

export async function start() {
  const switcher = layerSwitch();
  if (!settings.plan) {
    panel.replaceChildren(
      say(t(settings.can_plan ? "plan.empty" : "plan.empty_no_ground"), {
        link: settings.next_step,
      }),
    );
    search();
    return;
  }
  const grids = await fetchJson(endpoints.grids, { plan: state().plan || settings.plan });
  const layers = new Map();
  const shown = L.geoJSON(grids, {
    style: ({ properties }) => ({
      color: "#4a4a4a",
      weight: 1.5,
      fillColor: colourOf(properties.deviation),
      fillOpacity: 0.55,
    }),
    onEachFeature: (feature, layer) => {
      layers.set(feature.properties.grid, layer);
      layer.bindPopup(() => popup(feature.properties), { minWidth: 220 });
      layer.bindTooltip(h("span", {}, shortCode(feature.properties.grid)), {
        permanent: true,
        direction: "center",
        className: "grid-label",
      });
    },
  }).addTo(map);
  switcher.addOverlay(shown, t("map.layer.grids"));
  labelsByZoom();
  map.on("zoomend", labelsByZoom);
  legend(
    t("plan.legend"),
    CLASSES.map(({ colour }, position) => ({ colour, label: t(`plan.legend.${position}`) })),
    settings.households_estimated ? t("plan.estimated_note") : null,
  );
  search(({ kind, key }) => kind === "grid" && choose(key));

  function choose(grid) {
    const layer = layers.get(grid);
    if (!layer) return;
    map.fitBounds(layer.getBounds(), { maxZoom: 17, padding: [40, 40] });
    layer.openPopup();
  }

  const rows = grids.features.map((feature) => feature.properties);
  panel.replaceChildren(
    figures(rows),
    settings.limits
      ? h(
          "p",
          { class: "note" },
          t(settings.limits.n_heavy ? "plan.unavoidable" : "plan.nothing_better", {
            n: number(settings.limits.n_heavy),
            bound: percent(settings.limits.lower_bound),
          }),
        )
      : "",
    table(
      [
        { label: t("field.grid"), value: (row) => row.grid, show: (row) => gridCode(row.grid) },
        {
          label: t("field.households"),
          value: (row) => row.households,
          show: (row) => number(row.households) + mark(row),
          numeric: true,
        },
        {
          label: t("field.people"),
          value: (row) => row.people,
          show: (row) => number(row.people) + mark(row),
          numeric: true,
        },
        {
          label: t("field.deviation"),
          value: (row) => Math.abs(row.deviation),
          show: (row) => percent(row.deviation, { signed: true }),
          numeric: true,
        },
        {
          label: t("field.worker"),
          value: (row) => row.worker_name,
          show: (row) => row.worker_name || "–",
        },
      ],
      rows,
      { sortBy: 3, onpick: (row) => choose(row.grid), caption: t("plan.table") },
    ),
  );
}

function labelsByZoom() {
  map.getContainer().classList.toggle("hide-grid-labels", map.getZoom() < 15);
}

function figures(rows) {
  const households = rows.reduce((sum, row) => sum + (row.households ?? 0), 0);
  const worst = Math.max(...rows.map((row) => Math.abs(row.deviation ?? 0)));
  const isEstimated = rows.some((row) => row.households_estimated);
  const pairs = [
    [t("plan.n_grids"), number(rows.length)],
    [t("plan.households"), number(households) + (isEstimated ? t("plan.estimated_mark") : "")],
    [t("plan.mean"), number(households / rows.length)],
    [t("plan.worst"), percent(worst)],
  ];
  return h(
    "dl",
    { class: "figures" },
    pairs.map(([label, value]) => h("div", {}, h("dt", {}, label), h("dd", {}, value))),
  );
}

function popup(row) {
  return facts(
    `${t("field.grid")} ${row.grid}`,
    [
      [t("field.name"), row.name],
      [t("field.community"), row.community_name || row.community],
      [t("field.households"), number(row.households) + mark(row)],
      [t("field.people"), number(row.people) + mark(row)],
      [t("field.buildings"), number(row.n_buildings)],
      [t("field.target"), number(row.target)],
      [t("field.deviation"), percent(row.deviation, { signed: true })],
      [t("field.area"), `${number(row.area_m2 / 10000, 2)} ${t("unit.hectare")}`],
      [t("field.worker"), row.worker_name || t("plan.no_worker")],
    ],
    row.households_estimated ? t("plan.estimated_note") : null,
  );
}
