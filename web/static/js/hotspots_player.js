// Density week by week: a strip on the map with a button, a slider and the dates of the frame.

import { endpoints, map, number, t } from "./config.js";
import { h } from "./dom.js";
import { fetchJson, latest } from "./fetching.js";
import { day } from "./hotspots_figures.js";

const { L } = window;

const FRAME_MS = 900;
const LEAST_FRAMES = 2;

/** A player; `onframe(frames, position)` draws, `onclose()` restores what was there before. */
export function player({ onframe, onclose }) {
  let frames = null;
  let position = 0;
  let timer = null;
  let turn = 0;

  const dates = h("output", { class: "frame-dates" });
  const slider = h("input", {
    type: "range",
    min: "0",
    step: "1",
    "aria-label": t("hotspots.page.play.slider"),
    oninput: (event) => {
      pause();
      go(Number(event.target.value));
    },
  });
  const button = h("button", { type: "button", class: "button play", onclick: toggle });
  const shut = h(
    "button",
    {
      type: "button",
      class: "button quiet",
      onclick: () => close(),
      title: t("hotspots.page.play.close"),
    },
    h("span", { "aria-hidden": "true" }, "✕"),
    h("span", { class: "visually-hidden" }, t("hotspots.page.play.close")),
  );
  const controls = h("div", { class: "player-controls" }, button, slider, shut);
  const strip = h(
    "div",
    { class: "player", role: "group", "aria-label": t("hotspots.page.play"), onkeydown: onkey },
    dates,
    controls,
  );
  L.DomEvent.disableClickPropagation(strip);
  L.DomEvent.disableScrollPropagation(strip);
  const control = L.control({ position: "bottomleft" });
  control.onAdd = () => strip;

  const load = latest(
    (query, _mine) => fetchJson(endpoints.hotspot_frames, query),
    (found, _query, mine) => {
      if (mine !== turn) return;
      if (found.frames.length < LEAST_FRAMES || !found.raster || !found.scale.limits.length) {
        const hasAny = found.scale.limits.length > 0;
        say(t(hasAny ? "hotspots.page.play.short" : "hotspots.page.play.nothing"));
        return;
      }
      frames = found;
      slider.max = String(frames.frames.length - 1);
      enable(true);
      go(0);
      play();
    },
    (error, ..._rest) => say(error.message),
  );

  function say(words) {
    dates.textContent = words;
    enable(false);
  }

  function enable(isReady) {
    slider.hidden = !isReady;
    button.hidden = !isReady;
  }

  /** Show one frame. */
  function go(to) {
    position = to;
    const frame = frames.frames[position];
    const words = t("hotspots.page.play.frame", {
      first: day(frame.first),
      last: day(frame.last),
      n: number(frame.n_incidents),
    });
    dates.textContent = words;
    slider.value = String(position);
    slider.setAttribute("aria-valuetext", words);
    onframe(frames, position);
  }

  function play() {
    pause();
    timer = setInterval(() => {
      if (position + 1 >= frames.frames.length) pause();
      else go(position + 1);
    }, FRAME_MS);
    tell();
  }

  function pause() {
    clearInterval(timer);
    timer = null;
    tell();
  }

  function tell() {
    const words = t(timer ? "hotspots.page.play.pause" : "hotspots.page.play.start");
    button.replaceChildren(
      h("span", { "aria-hidden": "true" }, timer ? "❚❚" : "▶"),
      h("span", { class: "visually-hidden" }, words),
    );
    button.setAttribute("title", words);
  }

  function toggle() {
    if (timer) {
      pause();
      return;
    }
    if (position + 1 >= frames.frames.length) go(0);
    play();
  }

  function onkey(event) {
    if (event.key === "Escape") close();
  }

  /** Take the strip away; frames still on their way are dropped. */
  function close() {
    turn += 1;
    pause();
    const wasShown = frames !== null;
    frames = null;
    if (strip.isConnected) control.remove();
    if (wasShown) onclose();
  }

  return {
    close,
    /** Fetch the frames of a query and play them. */
    open(query) {
      close();
      control.addTo(map);
      say(t("hotspots.page.play.loading"));
      tell();
      load(query, turn);
      shut.focus();
    },
  };
}
