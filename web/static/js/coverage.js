// Which streets the rounds of a day, a week or a month passed, and how long ago.

import { endpoints, map, number, percent, settings, t } from "./config.js";
import { h } from "./dom.js";
import { fetchJson, latest, remember, state } from "./fetching.js";
import { layerSwitch, legend, panel, say, search } from "./furniture.js";
import { legendRows, styleOf } from "./coverage_colours.js";
import { bar, dayBars, gridTable, homesTable, missedTable, shareWords } from "./coverage_figures.js";
import { form } from "./coverage_form.js";
import { placePopup } from "./coverage_place.js";

const { L } = window;

const MARK = { color: "#111111", weight: 10, opacity: 0.35, interactive: false };

export async function start() {
  const switcher = layerSwitch();
  search();
  if (!settings.days.length) {
    panel.replaceChildren(say(t("coverage.empty"), { link: settings.next_step }));
    return;
  }
  const filters = { ...asked() };
  const openPlace = placePopup(query);
  let isOnPiece = false;
  const pieces = L.geoJSON(null, {
    style: ({ properties }) => styleOf(properties, filters.look),
    filter: ({ properties }) => !filters.worker || properties.is_expected || properties.verdict !== "missed",
    onEachFeature: ({ properties }, layer) =>
      layer.on("click", ({ latlng }) => {
        isOnPiece = true;
        openPlace(latlng, properties);
      }),
  }).addTo(map);
  map.on("click", ({ latlng }) => {
    if (!isOnPiece) openPlace(latlng);
    isOnPiece = false;
  });
  const marked = L.geoJSON(null, { style: MARK }).addTo(map);
  switcher.addOverlay(pieces, t("map.layer.coverage"));
  let shownLegend = null;
  let isFitted = false;

  const answer = h("div", { class: "answer" });
  panel.replaceChildren(form(filters, change), answer);
  drawLegend();

  const load = latest(
    () =>
      Promise.all([fetchJson(endpoints.coverage, query()), fetchJson(endpoints.coverage_figures, query())]),
    ([streets, figures]) => show(streets, figures),
    (error) => answer.replaceChildren(say(error.message, { isError: true })),
  );

  function asked() {
    const wanted = { day: settings.days[0].day, span: "day", round: "", grid: "", worker: "", look: "verdict", ...state() };
    if (!["day", "week", "month"].includes(wanted.span)) wanted.span = "day";
    if (wanted.look !== "recency") wanted.look = "verdict";
    if (!/^\d{4}-\d{2}-\d{2}$/.test(wanted.day)) wanted.day = settings.days[0].day;
    return wanted;
  }

  function query() {
    const { day, span, round, grid, worker } = filters;
    return { day, span, round, grid, worker };
  }

  function change(name, value) {
    filters[name] = value;
    if (name === "grid" && value) filters.worker = "";
    if (name === "worker" && value) filters.grid = "";
    remember({ ...query(), look: filters.look });
    marked.clearLayers();
    if (name === "look") {
      pieces.setStyle(({ properties }) => styleOf(properties, filters.look));
      drawLegend();
      return;
    }
    if (name === "grid" || name === "worker") isFitted = false;
    answer.setAttribute("aria-busy", "true");
    load();
  }

  function drawLegend() {
    shownLegend?.remove();
    const recency = filters.look === "recency";
    shownLegend = legend(
      t(recency ? "coverage.legend_recency" : "coverage.legend"),
      legendRows(filters.look),
      t(recency ? "coverage.legend_recency_note" : "coverage.legend_note"),
    );
  }

  function show(streets, figures) {
    pieces.clearLayers();
    pieces.addData(streets);
    answer.removeAttribute("aria-busy");
    if ((filters.grid || filters.worker) && !isFitted) fit(streets.features.filter(({ properties }) => properties.is_expected));
    isFitted = true;
    answer.replaceChildren(...told(figures, streets).filter(Boolean));
  }

  function told(figures, streets) {
    const { whole } = figures;
    if (!figures.n_patrols) return [say(t("coverage.no_record"))];
    if (!whole.expected_m) return [say(t("coverage.none_expected"))];
    const several = filters.span !== "day";
    const mean = figures.days.reduce((sum, day) => sum + (day.covered ?? 0), 0) / (figures.days.length || 1);
    return [
      h(
        "p",
        { class: "count" },
        t(several ? "coverage.share_once" : "coverage.share", {
          share: percent(whole.covered),
          mean: percent(mean),
          n: number(figures.n_patrols),
        }),
      ),
      bar(whole),
      shareWords(whole),
      figures.plan ? null : h("p", { class: "note" }, t("coverage.no_plan")),
      figures.households.share === null
        ? null
        : h(
            "p",
            { class: "note" },
            t("coverage.households", { share: percent(figures.households.share), n: number(figures.households.households) }),
          ),
      figures.rounds.length > 1
        ? h(
            "p",
            { class: "note" },
            figures.rounds.map((row) => `${t("coverage.round", { n: row.round })} ${percent(row.covered)}`).join(" · "),
          )
        : null,
      several && whole.evenness !== null
        ? h("p", { class: "note" }, t("coverage.evenness", { value: number(whole.evenness, 2) }))
        : null,
      several ? dayBars(figures.days, pickDay) : null,
      figures.missed.length
        ? missedTable(figures.missed, ({ pieces: codes }) => mark(streets, codes))
        : h("p", { class: "count" }, t("coverage.none_missed")),
      figures.missed_homes.length ? homesTable(figures.missed_homes, pickHome) : null,
      figures.others.n_patrols
        ? h(
            "p",
            { class: "note" },
            t("coverage.others", { n: number(figures.others.n_patrols), metres: number(figures.others.covered_m) }),
          )
        : null,
      figures.grids.length ? times(figures.grids) : null,
    ];
  }

  /** The table of grids, or the sentence of one; the minutes come when they are known. */
  function times(grids) {
    const box = h("div", {});
    const draw = (minutes) =>
      box.replaceChildren(
        ...(grids.length > 1
          ? [
              gridTable(grids, minutes, ({ grid }) => pickGrid(grid)),
              h("p", { class: "note" }, t("coverage.minutes_note")),
            ]
          : grids
              .filter(({ grid }) => minutes.has(grid))
              .map(({ grid }) => h("p", { class: "note" }, oneTime(minutes.get(grid))))),
      );
    draw(new Map());
    fetchJson(endpoints.patrol_effort, query())
      .then((found) => draw(new Map(found.grids.map((row) => [row.grid, row]))))
      .catch((error) => box.append(h("p", { class: "note" }, error.message)));
    return box;
  }

  function oneTime({ minutes, walk_minutes: needed }) {
    const words = t("coverage.needed", { n: number(needed) });
    return minutes === null ? words : `${words} ${t("coverage.taken", { n: number(minutes) })}`;
  }

  function pickDay(day) {
    filters.span = "day";
    change("day", day);
    panel.querySelector("form").replaceWith(form(filters, change));
  }

  function pickHome({ lon, lat }) {
    marked.clearLayers();
    marked.addLayer(L.circleMarker([lat, lon], { radius: 13, color: "#c8401a", weight: 3, fill: false, interactive: false }));
    map.setView([lat, lon], Math.max(map.getZoom(), 17));
  }

  function pickGrid(grid) {
    change("grid", grid);
    panel.querySelector("form").replaceWith(form(filters, change));
  }

  /** Show the pieces of a row of the table. */
  function mark(streets, codes) {
    const wanted = new Set(codes);
    const found = streets.features.filter(({ properties }) => wanted.has(properties.piece));
    marked.clearLayers();
    marked.addData(found);
    marked.bringToBack();
    fit(found);
  }

  function fit(features) {
    if (features.length) map.fitBounds(L.geoJSON(features).getBounds(), { maxZoom: 18, padding: [60, 60] });
  }

  load();
}
