// Which street pieces a day's rounds passed.

import { endpoints, map, number, percent, settings, t } from "./config.js";
import { facts, field, gridCode, h, select, table } from "./dom.js";
import { fetchJson, latest, remember, state } from "./fetching.js";
import { layerSwitch, legend, panel, say, search } from "./furniture.js";

const { L } = window;

const COLOURS = { covered: "#1b7837", missed: "#b2182b", cannot_tell: "#8d8d8d" };

export async function start() {
  const switcher = layerSwitch();
  search();
  if (!settings.days.length) {
    panel.replaceChildren(say(t("coverage.empty"), { link: settings.next_step }));
    return;
  }
  const pieces = L.geoJSON(null, {
    style: ({ properties }) => ({
      color: COLOURS[properties.verdict] ?? COLOURS.cannot_tell,
      weight: 4,
      opacity: 0.85,
      dashArray: properties.verdict === "cannot_tell" ? "4 5" : null,
    }),
    onEachFeature: (feature, layer) => layer.bindPopup(() => popup(feature.properties)),
  }).addTo(map);
  switcher.addOverlay(pieces, t("map.layer.coverage"));
  legend(
    t("coverage.legend"),
    Object.entries(COLOURS).map(([verdict, colour]) => ({
      colour,
      label: t(`verdict.${verdict}`),
      line: true,
    })),
    t("coverage.legend_note"),
  );

  const filters = { day: settings.days[0].day, round: "", ...state() };
  const answer = h("div", { class: "answer" });
  panel.replaceChildren(form(), answer);

  const load = latest(
    () =>
      Promise.all([
        fetchJson(endpoints.coverage, query()),
        fetchJson(endpoints.coverage_grids, query()),
      ]),
    ([streets, grids]) => show(streets, grids),
    (error) => answer.replaceChildren(say(error.message, { isError: true })),
  );

  function query() {
    return { day: filters.day, round: filters.round };
  }

  function change(name, value) {
    filters[name] = value;
    remember(query());
    answer.replaceChildren(say(t("map.loading")));
    load();
  }

  function form() {
    const rounds = Math.max(...settings.days.map((entry) => entry.rounds));
    return h(
      "form",
      { class: "filters", onsubmit: (event) => event.preventDefault() },
      field(
        t("field.day"),
        select(
          "day",
          settings.days.map(({ day, n_patrols: n }) => [day, t("coverage.day_option", { day, n })]),
          filters.day,
          (value) => change("day", value),
        ),
      ),
      field(
        t("field.round"),
        select(
          "round",
          [
            ["", t("coverage.all_rounds")],
            ...Array.from({ length: rounds }, (_, position) => [
              position + 1,
              t("coverage.round", { n: position + 1 }),
            ]),
          ],
          filters.round,
          (value) => change("round", value),
        ),
      ),
    );
  }

  function show(streets, grids) {
    pieces.clearLayers();
    pieces.addData(streets);
    answer.replaceChildren(
      h("p", { class: "count" }, t("coverage.share", { share: percent(grids.share) })),
      missed(streets.features),
      table(
        [
          { label: t("field.grid"), value: (row) => row.grid, show: (row) => gridCode(row.grid) },
          {
            label: t("field.expected_m"),
            value: (row) => row.expected_m,
            show: (row) => number(row.expected_m),
            numeric: true,
          },
          {
            label: t("field.share"),
            value: (row) => row.share,
            show: (row) => percent(row.share),
            numeric: true,
          },
        ],
        grids.grids,
        { sortBy: 2, descending: false, caption: t("coverage.table") },
      ),
    );
  }

  /** Streets by the length that no patrol passed. */
  function missed(features) {
    const byStreet = new Map();
    for (const { properties, geometry } of features) {
      if (properties.verdict !== "missed" || !properties.grid) continue;
      const name = properties.name || t("coverage.unnamed");
      const entry = byStreet.get(name) ?? { name, length_m: 0, geometry };
      entry.length_m += properties.length_m * (1 - properties.covered_share);
      byStreet.set(name, entry);
    }
    const rows = [...byStreet.values()];
    if (!rows.length) return h("p", { class: "count" }, t("coverage.none_missed"));
    return table(
      [
        { label: t("field.street"), value: (row) => row.name, show: (row) => row.name },
        {
          label: t("field.missed_m"),
          value: (row) => row.length_m,
          show: (row) => number(row.length_m),
          numeric: true,
        },
      ],
      rows,
      {
        sortBy: 1,
        onpick: ({ geometry }) =>
          map.fitBounds(L.geoJSON(geometry).getBounds(), { maxZoom: 18, padding: [60, 60] }),
        caption: t("coverage.missed"),
      },
    );
  }

  load();
}

function popup(row) {
  return facts(row.name || t("coverage.unnamed"), [
    [t("field.verdict"), t(`verdict.${row.verdict ?? "cannot_tell"}`)],
    [t("field.share"), percent(row.covered_share)],
    [t("field.length"), `${number(row.length_m)} ${t("unit.metre")}`],
    [t("field.n_patrols"), number(row.n_patrols)],
    [t("field.grid"), row.grid],
  ]);
}
