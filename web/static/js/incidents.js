// Incidents by category, status and time window.

import { endpoints, instant, map, number, settings, t } from "./config.js";
import { facts, field, h, select, table } from "./dom.js";
import { fetchJson, latest, remember, state } from "./fetching.js";
import { layerSwitch, legend, panel, say, search } from "./furniture.js";

const { L } = window;

// Ten colours that stay apart for colour-blind eyes (Okabe and Ito, with two of Tol's); one colour
// a group of categories.
const PALETTE = [
  "#0072b2",
  "#e69f00",
  "#009e73",
  "#cc79a7",
  "#d55e00",
  "#56b4e9",
  "#7f6000",
  "#666666",
  "#332288",
  "#aa4499",
];

const OPEN = new Set([
  "reported",
  "verified",
  "filed",
  "dispatched",
  "handling",
  "result_reported",
  "checked",
]);

const nameOf = new Map(settings.categories.map((entry) => [entry.category, entry.name]));
const groupOf = new Map(settings.categories.map((entry) => [entry.category, entry.group]));
const groups = [...new Set(settings.categories.map((entry) => entry.group))];
const colourOf = (category) => {
  const position = groups.indexOf(groupOf.get(category));
  return position < 0 ? PALETTE.at(-1) : PALETTE[position % PALETTE.length];
};

export async function start() {
  const switcher = layerSwitch();
  search();
  if (!settings.window) {
    panel.replaceChildren(say(t("incidents.empty"), { link: settings.next_step }));
    return;
  }
  const filters = { ...settings.window, category: "", status: "", ...state() };
  const points = L.layerGroup().addTo(map);
  switcher.addOverlay(points, t("map.layer.incidents"));
  legend(
    t("incidents.legend"),
    [
      ...groups.map((group, position) => ({
        colour: PALETTE[position % PALETTE.length],
        label: group,
      })),
    ],
    t("incidents.legend_note"),
  );

  const answer = h("div", { class: "answer" });
  panel.replaceChildren(form(), answer);

  const load = latest(
    () => fetchJson(endpoints.incidents, query()),
    show,
    (error) => answer.replaceChildren(say(error.message, { isError: true })),
  );

  function query() {
    return { from: filters.from, to: filters.to, category: filters.category, status: filters.status };
  }

  function change(name, value) {
    filters[name] = value;
    remember(query());
    answer.replaceChildren(say(t("map.loading")));
    load();
  }

  function form() {
    return h(
      "form",
      { class: "filters", onsubmit: (event) => event.preventDefault() },
      field(
        t("field.from"),
        h("input", {
          type: "date",
          name: "from",
          value: filters.from,
          onchange: (event) => change("from", event.target.value),
        }),
      ),
      field(
        t("field.to"),
        h("input", {
          type: "date",
          name: "to",
          value: filters.to,
          onchange: (event) => change("to", event.target.value),
        }),
      ),
      field(
        t("field.category"),
        select(
          "category",
          [["", t("filter.all")], ...settings.categories.map((entry) => [entry.category, entry.name])],
          filters.category,
          (value) => change("category", value),
        ),
      ),
      field(
        t("field.status"),
        select(
          "status",
          [["", t("filter.all")], ...settings.statuses.map((code) => [code, t(`status.${code}`)])],
          filters.status,
          (value) => change("status", value),
        ),
      ),
    );
  }

  function show(found) {
    points.clearLayers();
    const rows = [];
    for (const feature of found.features) {
      const row = feature.properties;
      const [lon, lat] = feature.geometry.coordinates;
      const colour = colourOf(row.category);
      const marker = L.circleMarker([lat, lon], {
        radius: 5,
        weight: 1.5,
        color: OPEN.has(row.status) ? "#222222" : "#ffffff",
        fillColor: colour,
        fillOpacity: 0.9,
      });
      marker.bindPopup(() => popup(row), { minWidth: 240 });
      points.addLayer(marker);
      rows.push({ ...row, marker });
    }
    if (!rows.length) {
      answer.replaceChildren(say(t("incidents.none_in_window")));
      return;
    }
    answer.replaceChildren(
      h("p", { class: "count" }, counted(found, rows.length)),
      byCategory(rows),
      list(rows.slice(0, 300)),
    );
  }

  load();
}

function counted(found, n) {
  return found.numberMatched > n
    ? t("incidents.count_cut", { n: number(n), all: number(found.numberMatched) })
    : t("incidents.count", { n: number(n) });
}

function byCategory(rows) {
  const counts = new Map();
  for (const row of rows) counts.set(row.category, (counts.get(row.category) ?? 0) + 1);
  const most = Math.max(...counts.values());
  return h(
    "ul",
    { class: "bars" },
    [...counts]
      .sort((a, b) => b[1] - a[1])
      .slice(0, 8)
      .map(([category, n]) =>
        h(
          "li",
          {},
          h("span", { class: "label" }, nameOf.get(category) ?? category),
          h("span", {
            class: "bar",
            style: { width: `${(n / most) * 100}%`, background: colourOf(category) },
          }),
          h("span", { class: "numeric" }, number(n)),
        ),
      ),
  );
}

function list(rows) {
  return table(
    [
      {
        label: t("field.reported_at"),
        value: (row) => row.reported_at,
        show: (row) => instant(row.reported_at),
        numeric: true,
      },
      {
        label: t("field.category"),
        value: (row) => nameOf.get(row.category) ?? row.category,
        show: (row) => nameOf.get(row.category) ?? row.category,
      },
      {
        label: t("field.status"),
        value: (row) => row.status,
        show: (row) => t(`status.${row.status}`),
      },
      { label: t("field.address"), value: (row) => row.address, show: (row) => row.address || "–" },
    ],
    rows,
    {
      sortBy: 0,
      onpick: ({ marker }) => {
        map.setView(marker.getLatLng(), Math.max(map.getZoom(), 17));
        marker.openPopup();
      },
      caption: t("incidents.table"),
    },
  );
}

function popup(row) {
  return facts(nameOf.get(row.category) ?? row.category, [
    [t("field.incident"), row.incident],
    [t("field.status"), t(`status.${row.status}`)],
    [t("field.description"), row.description],
    [t("field.address"), row.address],
    [t("field.reported_at"), instant(row.reported_at)],
    [t("field.due_at"), instant(row.due_at)],
    [t("field.closed_at"), instant(row.closed_at)],
    [t("field.reporter_kind"), row.reporter_kind ? t(`reporter.${row.reporter_kind}`) : null],
    [t("field.grid"), row.grid || t("incidents.no_grid")],
  ]);
}
