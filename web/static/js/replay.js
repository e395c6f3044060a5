// A worker's day on the map: the track and the pieces it passed build up over time.

import { endpoints, instant, map, number, settings, t } from "./config.js";
import { h } from "./dom.js";
import { fetchJson } from "./fetching.js";
import { layerSwitch, legend, panel, say } from "./furniture.js";
import { VERDICT_STYLES } from "./coverage_colours.js";

const { L } = window;

const TRACK = "#1f2124";
const STEP_S = 15;
const FRAME_MS = 60;
const SPEED = 120; // seconds of the day in a second of the replay
const LEAD_S = 20;

export async function start() {
  layerSwitch();
  const day = await fetchJson(endpoints.patrol_replay, { worker: settings.worker, day: settings.day });
  drawLegend();
  if (!day.rounds.length && !day.tracks.length) {
    panel.replaceChildren(say(t("rounds.replay.none")), dayLinks());
    return;
  }
  const passes = timesOfPieces(day.pieces.features);
  const pieces = L.geoJSON(day.pieces, { style: () => ({ interactive: false, weight: 0, opacity: 0 }) }).addTo(map);
  fit(day);
  if (!day.tracks.length) {
    paint(pieces, Infinity, passes);
    panel.replaceChildren(h("div", { class: "answer" }, look(), say(t("rounds.replay.forgotten", { n: number(day.keep_days) })), summaries(day), dayLinks()));
    return;
  }
  for (const { lon, lat, dwell_s: seconds, started_at: at } of day.stops) {
    L.circleMarker([lat, lon], { radius: 7, color: TRACK, weight: 2, fillColor: "#ffffff", fillOpacity: 0.9 })
      .bindTooltip(t("rounds.replay.stop", { time: clock(at), n: number(Math.max(1, seconds / 60)) }))
      .addTo(map);
  }
  const walks = day.tracks.map((track) => drawn(track));
  const who = L.circleMarker([0, 0], { radius: 8, color: "#ffffff", weight: 3, fillColor: TRACK, fillOpacity: 1, interactive: false });
  const ticks = timeline(day.tracks);

  const clockFace = h("output", { class: "clock" });
  const slider = h("input", {
    type: "range",
    min: "0",
    max: String(ticks.length - 1),
    value: "0",
    "aria-label": t("rounds.replay.time"),
    oninput: (event) => {
      pause();
      go(Number(event.target.value));
    },
  });
  const button = h("button", { type: "button", class: "button play", onclick: toggle });
  let position = 0;
  let timer = null;

  /** Show the day up to a moment. */
  function go(to) {
    position = Math.max(0, Math.min(ticks.length - 1, to));
    const { second, round } = ticks[position];
    slider.value = String(position);
    const words = `${t("rounds.round", { n: round })} ${clock(second * 1000)}`;
    clockFace.textContent = words;
    slider.setAttribute("aria-valuetext", words);
    let here = null;
    for (const walk of walks) here = walk.until(second) ?? here;
    if (here) who.setLatLng(here.at).addTo(map);
    clockFace.classList.toggle("silent", Boolean(here?.isSilent));
    if (here?.isSilent) clockFace.append(h("small", {}, ` ${t("rounds.replay.silent")}`));
    paint(pieces, second, passes);
  }

  function play() {
    if (position + 1 >= ticks.length) go(0);
    const stride = Math.max(1, Math.round((SPEED * FRAME_MS) / 1000 / STEP_S));
    timer = setInterval(() => {
      if (position + 1 >= ticks.length) pause();
      else go(position + stride);
    }, stride * STEP_S * 1000 / SPEED);
    tell();
  }

  function pause() {
    clearInterval(timer);
    timer = null;
    tell();
  }

  function toggle() {
    if (timer) pause();
    else play();
  }

  function tell() {
    const words = t(timer ? "rounds.replay.pause" : "rounds.replay.play");
    button.replaceChildren(
      h("span", { "aria-hidden": "true" }, timer ? "❚❚" : "▶"),
      h("span", { class: "visually-hidden" }, words),
    );
    button.title = words;
  }

  panel.replaceChildren(
    h(
      "div",
      { class: "answer" },
      look(),
      h("div", { class: "replay-controls", role: "group", "aria-label": t("rounds.replay.controls") }, clockFace, button, slider),
      summaries(day, (started) => {
        pause();
        go(ticks.findIndex(({ second }) => second >= started));
      }),
      day.stops.length ? h("p", { class: "note" }, t("rounds.replay.stops", { n: number(day.stops.length) })) : null,
      dayLinks(),
    ),
  );
  tell();
  go(ticks.length - 1);
}

/** The words that a look at another person's day is kept. */
function look() {
  return settings.is_own ? null : h("p", { class: "look-kept" }, t("rounds.replay.look_kept"));
}

/** Moments at which the replay stops: every few seconds of each walk, one after the other. */
function timeline(tracks) {
  return tracks.flatMap(({ fixes, round }) => {
    const [first, last] = [fixes[0][2], fixes.at(-1)[2]];
    const n = Math.ceil((last - first) / STEP_S) + 1;
    return Array.from({ length: n }, (_, at) => ({ second: Math.min(last, first + at * STEP_S), round }));
  });
}

/** The line of one walk, whole but faint, and its part up to a moment; silences dashed. */
function drawn({ fixes }) {
  const runs = [];
  for (const [lon, lat, , isAfterGap] of fixes) {
    if (isAfterGap || !runs.length) runs.push([]);
    runs.at(-1).push([lat, lon]);
  }
  const gaps = runs.slice(1).map((run, at) => [runs[at].at(-1), run[0]]);
  L.polyline(runs, { color: TRACK, weight: 1.5, opacity: 0.35, interactive: false }).addTo(map);
  L.polyline(gaps, { color: TRACK, weight: 2, opacity: 0.9, dashArray: "2 8" })
    .bindTooltip(t("rounds.replay.silent"), { sticky: true })
    .addTo(map);
  const line = L.polyline([], { color: TRACK, weight: 3, opacity: 0.9, interactive: false }).addTo(map);

  return {
    until(second) {
      if (fixes[0][2] > second) {
        line.setLatLngs([]);
        return null;
      }
      const parts = [];
      let at = null;
      let isSilent = false;
      for (let n = 0; n < fixes.length; n += 1) {
        const [lon, lat, time, isAfterGap] = fixes[n];
        if (time > second) {
          const [lon0, lat0, time0] = fixes[n - 1];
          isSilent = Boolean(isAfterGap);
          const share = (second - time0) / Math.max(1, time - time0);
          if (!isSilent) {
            at = [lat0 + share * (lat - lat0), lon0 + share * (lon - lon0)];
            parts.at(-1).push(at);
          }
          break;
        }
        if (isAfterGap || !parts.length) parts.push([]);
        at = [lat, lon];
        parts.at(-1).push(at);
      }
      line.setLatLngs(parts);
      return { at, isSilent };
    },
  };
}

/** When each piece shows as passed, seconds since 1970; covered ones of unknown time from the start. */
function timesOfPieces(features) {
  return new Map(
    features.map(({ properties }) => [properties.piece, properties.at ? Date.parse(properties.at) / 1000 : 0]),
  );
}

function paint(pieces, second, passes) {
  pieces.setStyle(({ properties }) => {
    const isCovered = properties.verdict === "covered" && passes.get(properties.piece) <= second + LEAD_S;
    const isAtEnd = second === Infinity;
    const style = isCovered
      ? VERDICT_STYLES.covered
      : isAtEnd || properties.verdict !== "covered"
        ? VERDICT_STYLES[properties.verdict]
        : VERDICT_STYLES.cannot_tell;
    const waits = !isCovered && properties.verdict === "covered";
    return { dashArray: null, ...style, opacity: waits ? 0.25 : properties.is_expected ? 0.85 : 0.45, interactive: false };
  });
}

function summaries(day, onpick = null) {
  return h(
    "ul",
    { class: "round-list" },
    day.rounds.map((row) =>
      h(
        "li",
        {},
        onpick
          ? h(
              "button",
              { type: "button", class: "chip-button", onclick: () => onpick(Date.parse(row.started_at) / 1000) },
              t("rounds.round", { n: row.round }),
            )
          : h("b", {}, t("rounds.round", { n: row.round })),
        h(
          "span",
          {},
          [
            row.started_at ? `${clock(row.started_at)}–${clock(row.ended_at)}` : null,
            row.duration_s === null ? null : t("rounds.minutes", { n: number(row.duration_s / 60) }),
            row.walked_m === null ? null : `${number(row.walked_m / 1000, 1)} km`,
            row.silent_s >= 60 ? t("rounds.silent", { n: number(row.silent_s / 60) }) : null,
          ]
            .filter(Boolean)
            .join(" · "),
        ),
      ),
    ),
  );
}

function dayLinks() {
  const shifted = (days) => {
    const at = new Date(Date.parse(`${settings.day}T00:00:00Z`) + days * 86_400_000);
    return at.toISOString().slice(0, 10);
  };
  const to = (day, label) => {
    const url = new URL(window.location.href);
    url.searchParams.set("worker", settings.worker);
    url.searchParams.set("day", day);
    return h("a", { class: "button quiet", href: url.pathname + url.search }, label);
  };
  return h(
    "nav",
    { class: "day-links" },
    to(shifted(-1), t("rounds.replay.before")),
    to(shifted(1), t("rounds.replay.after")),
  );
}

function drawLegend() {
  legend(t("rounds.replay.legend"), [
    { colour: TRACK, label: t("rounds.replay.track"), line: true },
    {
      colour: `repeating-linear-gradient(90deg, ${TRACK} 0 2px, transparent 2px 7px)`,
      label: t("rounds.replay.silent"),
      line: true,
    },
    { colour: VERDICT_STYLES.covered.color, label: t("verdict.covered"), line: true },
    {
      colour: `repeating-linear-gradient(90deg, ${VERDICT_STYLES.cannot_tell.color} 0 4px, transparent 4px 8px)`,
      label: t("verdict.cannot_tell"),
      line: true,
    },
    { colour: VERDICT_STYLES.missed.color, label: t("verdict.missed"), line: true },
  ]);
}

function fit(day) {
  const places = day.tracks.flatMap(({ fixes }) => fixes.map(([lon, lat]) => [lat, lon]));
  const bounds = places.length ? L.latLngBounds(places) : L.geoJSON(day.pieces).getBounds();
  if (bounds.isValid()) map.fitBounds(bounds, { padding: [40, 40], maxZoom: 18, animate: false });
}

const clock = (value) => instant(value).slice(-5);
