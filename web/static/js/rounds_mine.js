// A worker's own page: the same figures that the supervisor sees, what is left, what is kept.

import { endpoints, instant, map, number, percent, settings, shortCode, t } from "./config.js";
import { h } from "./dom.js";
import { fetchJson, latest, remember } from "./fetching.js";
import { layerSwitch, legend, panel, say } from "./furniture.js";
import { legendRows, styleOf } from "./coverage_colours.js";
import { bar, shareWords, streetName } from "./coverage_figures.js";

const { L } = window;

const AGAIN_MS = 60_000;
const MARK = { color: "#111111", weight: 11, opacity: 0.35, interactive: false };
const WAY = { color: "#b0106a", weight: 4, opacity: 0.85, dashArray: "10 6", interactive: false };
const DAY_MS = 86_400_000;

export async function start() {
  const switcher = layerSwitch();
  const pieces = L.geoJSON(null, {
    style: ({ properties }) => styleOf(properties, "verdict"),
    filter: ({ properties }) => properties.is_expected || properties.verdict === "covered",
    onEachFeature: ({ properties }, layer) =>
      layer.bindTooltip(`${streetName(properties)} · ${t(`verdict.${properties.verdict}`)}`, { sticky: true }),
  }).addTo(map);
  switcher.addOverlay(pieces, t("map.layer.coverage"));
  const marked = L.geoJSON(null, { style: MARK }).addTo(map);
  const way = L.layerGroup().addTo(map);
  legend(t("rounds.mine.legend"), legendRows("verdict"));
  let day = settings.day;
  let features = [];
  let isFitted = false;

  const load = latest(
    async () => {
      const mine = await fetchJson(endpoints.patrol_mine, { day });
      return [mine, await fetchJson(endpoints.coverage, { day: mine.day, worker: mine.worker })];
    },
    ([mine, streets]) => show(mine, streets),
    (error) => panel.replaceChildren(say(error.message, { isError: true })),
  );

  function go(to) {
    day = to;
    remember({ day });
    isFitted = false;
    load();
  }

  function show(mine, streets) {
    features = streets.features;
    pieces.clearLayers();
    pieces.addData(streets);
    const own = features.filter(({ properties }) => properties.is_expected);
    if (!isFitted && own.length) fit(own);
    isFitted = true;
    panel.replaceChildren(h("div", { class: "answer mine" }, ...parts(mine).filter(Boolean)));
  }

  function parts(mine) {
    const { day: today, week } = mine.figures;
    const rounds = mine.calendar.filter(([on]) => on === mine.day);
    return [
      head(mine),
      rounds.length ? roundList(mine, rounds) : h("p", { class: "state" }, t("rounds.mine.no_rounds")),
      today.whole.expected_m ? section(t("rounds.mine.day"), [bar(today.whole), shareWords(today.whole), homes(today)]) : null,
      mine.grids.length ? null : h("p", { class: "note" }, t("rounds.mine.no_grid")),
      mine.left.length ? left(mine) : mine.grids.length ? h("p", { class: "note" }, t("rounds.mine.nothing_left")) : null,
      mine.grids.length ? suggestion() : null,
      week.whole.expected_m ? section(t("rounds.mine.week", mine.week), [bar(week.whole), shareWords(week.whole), weekList(mine)]) : null,
      kept(mine),
      looks(mine),
    ];
  }

  function head(mine) {
    const shifted = (days) => new Date(Date.parse(`${mine.day}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);
    const step = (to, sign, label, disabled) =>
      h(
        "button",
        { type: "button", class: "button quiet", title: label, disabled, onclick: () => go(to) },
        h("span", { "aria-hidden": "true" }, sign),
        h("span", { class: "visually-hidden" }, label),
      );
    return h(
      "div",
      { class: "mine-head" },
      step(shifted(-1), "‹", t("rounds.replay.before"), false),
      h(
        "h2",
        {},
        mine.day === mine.today ? t("rounds.mine.today", { day: mine.day }) : mine.day,
        mine.grids.length ? h("small", {}, ` ${t("field.grid")} ${mine.grids.map(shortCode).join("、")}`) : null,
      ),
      step(shifted(1), "›", t("rounds.replay.after"), mine.day >= mine.today),
    );
  }

  function roundList(mine, rounds) {
    return h(
      "ul",
      { class: "round-list" },
      rounds.map(([, round, covered, , unsure, seconds, silent, started]) =>
        h(
          "li",
          {},
          h("b", {}, t("rounds.round", { n: round })),
          h(
            "span",
            {},
            [
              started ? instant(started).slice(-5) : null,
              seconds === null ? null : t("rounds.minutes", { n: number(seconds / 60) }),
              covered === null ? null : t("rounds.covered", { share: percent(covered) }),
              unsure ? t("rounds.cannot_tell", { share: percent(unsure) }) : null,
              silent >= 60 ? t("rounds.silent", { n: number(silent / 60) }) : null,
            ]
              .filter(Boolean)
              .join(" · "),
          ),
        ),
      ),
      h("li", {}, h("a", { href: `/patrols/replay?worker=${encodeURIComponent(mine.worker)}&day=${mine.day}` }, t("rounds.mine.replay"))),
    );
  }

  function homes({ households: { share, households } }) {
    return share === null
      ? null
      : h("p", { class: "note" }, t("rounds.mine.homes", { share: percent(share), n: number(households) }));
  }

  function left(mine) {
    return section(t("rounds.mine.left"), [
      h(
        "ol",
        { class: "left-list" },
        mine.left.map((row) =>
          h(
            "li",
            {},
            h(
              "button",
              { type: "button", onclick: () => mark(row.pieces) },
              h("span", {}, streetName(row)),
              h(
                "small",
                {},
                [
                  t("rounds.mine.left_m", { n: number(row.left_m) }),
                  row.distance_m === null ? null : t("rounds.mine.distance", { n: number(row.distance_m) }),
                  row.verdict === "cannot_tell" ? t("verdict.cannot_tell") : null,
                ]
                  .filter(Boolean)
                  .join(" · "),
              ),
            ),
          ),
        ),
      ),
    ]);
  }

  function suggestion() {
    const said = h("p", { class: "note", role: "status" });
    const file = h("a", { class: "button quiet", href: `/patrols/mine/round.gpx?minutes=${settings.minutes}`, hidden: true }, t("rounds.mine.gpx"));
    const ask = async () => {
      said.textContent = t("map.loading");
      try {
        const found = await fetchJson("/patrols/mine/round.json", { minutes: settings.minutes });
        way.clearLayers();
        if (!found.features.length) {
          said.textContent = found.message ?? t("rounds.mine.no_round");
          return;
        }
        const lines = L.geoJSON(found, { style: WAY, interactive: false, pointToLayer: (_, at) => L.circleMarker(at, { ...WAY, radius: 6 }) });
        way.addLayer(lines);
        map.fitBounds(lines.getBounds(), { padding: [30, 30] });
        said.textContent = t("rounds.mine.round_is", { n: number(found.minutes), km: number(found.length_m / 1000, 1) });
        file.hidden = false;
      } catch (error) {
        said.textContent = error.message;
      }
    };
    return section(t("rounds.mine.suggest"), [
      h("p", { class: "note" }, t("rounds.mine.suggest_what", { n: number(settings.minutes) })),
      h(
        "div",
        { class: "day-links" },
        h("button", { type: "button", class: "button", onclick: ask }, t("rounds.mine.suggest_do")),
        file,
      ),
      said,
    ]);
  }

  function weekList(mine) {
    const byDay = new Map();
    for (const [on, round, covered] of mine.calendar) {
      byDay.set(on, [...(byDay.get(on) ?? []), `${t("rounds.round", { n: round })} ${percent(covered)}`]);
    }
    return h(
      "ul",
      { class: "week-list" },
      [...byDay].map(([on, words]) =>
        h("li", {}, h("button", { type: "button", onclick: () => go(on) }, on.slice(5)), h("span", {}, words.join(" · "))),
      ),
    );
  }

  function kept(mine) {
    const n = mine.recorded.reduce((sum, row) => sum + row.n_fixes, 0);
    return section(t("rounds.mine.kept"), [
      h("p", {}, t("rounds.mine.kept_what", { n: number(mine.keep_days) })),
      h(
        "p",
        {},
        mine.recorded.length
          ? t("rounds.mine.kept_now", { n: number(n), days: number(mine.recorded.length), first: mine.recorded.at(-1).day, last: mine.recorded[0].day })
          : t("rounds.mine.kept_none"),
      ),
      h("p", {}, t("rounds.mine.stored", { rounds: number(mine.stored.rounds), checkins: number(mine.stored.checkins), passes: number(mine.stored.passes) })),
      mine.recorded.length
        ? h(
            "details",
            {},
            h("summary", {}, t("rounds.mine.kept_list")),
            h(
              "ul",
              { class: "kept-list" },
              mine.recorded.map((row) =>
                h(
                  "li",
                  {},
                  h("a", { href: `/patrols/replay?worker=${encodeURIComponent(mine.worker)}&day=${row.day}` }, row.day),
                  h("span", {}, t("rounds.mine.fixes", { n: number(row.n_fixes) })),
                ),
              ),
            ),
          )
        : null,
    ]);
  }

  function looks(mine) {
    return section(t("rounds.mine.looks"), [
      mine.looks.length
        ? h(
            "ul",
            { class: "kept-list" },
            mine.looks.map((row) =>
              h(
                "li",
                {},
                h("span", {}, instant(row.at)),
                h("span", {}, t(row.whose === null ? "rounds.mine.look_all" : "rounds.mine.look", { who: row.who, day: row.day ?? "" })),
              ),
            ),
          )
        : h("p", {}, t("rounds.mine.no_looks")),
    ]);
  }

  function mark(codes) {
    const wanted = new Set(codes);
    const found = features.filter(({ properties }) => wanted.has(properties.piece));
    marked.clearLayers();
    marked.addData(found);
    marked.bringToBack();
    fit(found);
    document.querySelector(".map-frame").scrollIntoView({ block: "nearest" });
  }

  function fit(found) {
    map.fitBounds(L.geoJSON(found).getBounds(), { maxZoom: 18, padding: [30, 30], animate: false });
  }

  load();
  setInterval(() => {
    if (!document.hidden && (!day || day === settings.today)) load();
  }, AGAIN_MS);
}

function section(title, children) {
  return h("section", { class: "mine-part" }, h("h2", {}, title), ...children.filter(Boolean));
}
