// Hotspots: a question asked live, its answer on the map and beside it.

import { endpoints, map, settings, t } from "./config.js";
import { facts, h } from "./dom.js";
import { fetchJson, latest, remember } from "./fetching.js";
import { layerSwitch, panel, say, search, showTown } from "./furniture.js";
import { classMark, places, summary } from "./hotspots_answer.js";
import {
  answerLegend,
  levelWords,
  NOTHING,
  OUTLINE,
  paint,
  ramp,
  rgba,
  scaleLegend,
} from "./hotspots_colours.js";
import { pairs } from "./hotspots_figures.js";
import { addressOf, asked, form, queryOf } from "./hotspots_form.js";
import { player } from "./hotspots_player.js";
import { CellLayer } from "./raster.js";

const { L } = window;

const NEAR_ZOOM = 17;
const LONG_MS = 4000; // after this, waiting is explained
const PHONE_PX = 760;
const CONTROLS_PX = [60, 70]; // what search and zoom take of the map's left and top

export async function start() {
  const switcher = layerSwitch();
  search();
  panel.setAttribute("aria-live", "off"); // the parts that change say so themselves
  if (!settings.has_incidents) {
    panel.replaceChildren(say(t("hotspots.page.empty"), { link: settings.next_step }));
    return;
  }
  const cells = new CellLayer().addTo(map);
  const areas = L.featureGroup().addTo(map);
  switcher.addOverlay(cells, t("hotspots.page.layer.cells"));
  switcher.addOverlay(areas, t("hotspots.page.layer.places"));

  const question = asked();
  const waiting = h("p", { class: "waiting", role: "status", hidden: true });
  const box = h("div", { class: "answer" });
  const weeks = player({ onframe, onclose: () => draw(answer) });
  let answer = null;
  let listed = null;
  let key = null;
  let banner = null;
  let slow = null;
  const layers = new Map();
  let chosen = null;
  let isAnswerDrawn = false;

  panel.replaceChildren(form(question, change), waiting, box);
  map.on("click", (event) => pickCell(event.latlng));
  document
    .getElementById("hotspots-play")
    .addEventListener("click", () => weeks.open(queryOf(question)));

  const load = latest(
    (query) => fetchJson(endpoints.hotspots, query),
    (found) => {
      ready();
      answer = found;
      show();
    },
    (error) => {
      ready();
      answer = null;
      wipe();
      box.replaceChildren(say(error.message, { isError: true }));
    },
  );

  function change() {
    remember(addressOf(question));
    keepOnLanguageSwitch();
    ask();
  }

  function ask() {
    const query = queryOf(question);
    follow(query);
    weeks.close();
    map.closePopup();
    waiting.textContent = t("hotspots.page.waiting");
    waiting.hidden = false;
    clearTimeout(slow);
    slow = setTimeout(() => (waiting.textContent = t("hotspots.page.waiting_long")), LONG_MS);
    box.setAttribute("aria-busy", "true");
    cells.fade(true);
    load(query);
  }

  function ready() {
    clearTimeout(slow);
    waiting.hidden = true;
    box.removeAttribute("aria-busy");
    cells.fade(false);
  }

  function wipe() {
    cells.clear();
    areas.clearLayers();
    layers.clear();
    key?.remove();
    banner?.remove();
    key = banner = chosen = null;
    isAnswerDrawn = false;
  }

  function show() {
    listed = places(answer, { onpick: (feature) => choose(feature, { isFromTable: true }) });
    box.replaceChildren(...[summary(answer.report), listed?.box].filter(Boolean));
    draw(answer);
    const isInSight = !layers.size || map.getBounds().intersects(areas.getBounds());
    if (!isInSight) showTown();
  }

  /** The answer on the map. */
  function draw(shown) {
    wipe();
    if (!shown) return;
    isAnswerDrawn = true;
    if (shown.cells && shown.raster) {
      const { at, level } = shown.cells;
      cells.show(shown.raster, at, (position) => rgba(paint(shown, level[position])));
    }
    const { features } = shown.areas;
    for (const feature of [...features].reverse()) addPlace(feature); // the strongest on top
    const isLine = features.some((feature) => feature.geometry.type.endsWith("LineString"));
    key = answerLegend(shown, { isLine });
    if (!features.length) banner = nothing(shown.report.headline);
  }

  function addPlace(feature) {
    const layer = L.geoJSON(feature, {
      style: style(feature),
      bubblingMouseEvents: false,
      pointToLayer: (_feature, latlng) => L.circleMarker(latlng, { radius: 8 }),
    });
    layer.on("click", (event) => choose(feature, { latlng: event.latlng }));
    areas.addLayer(layer);
    layers.set(feature.properties.rank, layer);
  }

  function style(feature) {
    const { level } = feature.properties;
    const [colour] = paint(answer, level);
    if (feature.geometry.type.endsWith("LineString")) {
      return { color: colour, weight: 3 + Math.max(level, 0), opacity: 0.9, lineCap: "butt" };
    }
    const hasCells = Boolean(answer.cells);
    return {
      color: hasCells ? OUTLINE : colour,
      weight: answer.scale ? 1.2 : 2,
      fillColor: colour,
      fillOpacity: hasCells ? 0 : 0.35,
    };
  }

  /** Choose a place, from the table or from the map. */
  function choose(feature, { latlng = null, isFromTable = false }) {
    weeks.close(); // which draws the places anew
    const layer = layers.get(feature.properties.rank);
    if (!layer) return;
    if (chosen) layers.get(chosen.properties.rank)?.setStyle(style(chosen));
    chosen = feature;
    layer.setStyle({ color: "#111111", weight: 5, opacity: 1 }).bringToFront();
    listed?.choose(feature, { isSeen: !isFromTable });
    if (isFromTable) {
      map.fitBounds(layer.getBounds(), { maxZoom: NEAR_ZOOM, padding: [70, 70], animate: false });
      if (window.innerWidth <= PHONE_PX) map.getContainer().scrollIntoView({ block: "center" });
    }
    popup(latlng ?? heart(feature), told(feature, latlng));
  }

  function told({ properties }, latlng) {
    const position = latlng ? cells.positionAt(latlng) : null;
    const words = answer.scale ? null : levelWords(answer, properties.level);
    return h(
      "div",
      { class: "facts" },
      h("h3", {}, properties.place),
      words ? h("p", {}, classMark(answer, properties.level, words)) : null,
      h("p", {}, properties.reading),
      position === null ? null : cellFacts(position, t("hotspots.page.this_cell")),
    );
  }

  function pickCell(latlng) {
    const position = isAnswerDrawn && answer.cells ? cells.positionAt(latlng) : null;
    if (position === null) return;
    popup(latlng, cellFacts(position, t("hotspots.page.a_cell")));
  }

  function cellFacts(position, title) {
    const { figures, level } = answer.cells;
    const row = Object.fromEntries(
      Object.entries(figures).map(([name, values]) => [name, values[position]]),
    );
    const words = answer.scale ? null : levelWords(answer, level[position]);
    const verdict = words ? [[t("field.verdict"), classMark(answer, level[position], words)]] : [];
    const isQuiet = !answer.scale && level[position] === NOTHING;
    return facts(
      title,
      [...verdict, ...pairs(row, answer.scale?.unit)],
      isQuiet ? t("hotspots.page.quiet_what") : null,
    );
  }

  function popup(latlng, content) {
    L.popup({
      maxWidth: Math.min(300, map.getSize().x - 130),
      autoPanPaddingTopLeft: CONTROLS_PX,
      autoPanPaddingBottomRight: [16, 24],
    })
      .setLatLng(latlng)
      .setContent(content)
      .openOn(map);
  }

  /** A frame of the animation in place of the answer; its scale is the same for all frames. */
  function onframe({ frames, raster, scale }, position) {
    if (isAnswerDrawn || !key) {
      wipe();
      map.closePopup();
      key = scaleLegend(scale, { note: t("hotspots.page.legend.fixed") });
    }
    const { at, level } = frames[position];
    const n = scale.limits.length - 1;
    cells.show(raster, at, (row) =>
      level[row] === NOTHING ? [0, 0, 0, 0] : rgba(ramp(level[row], n)),
    );
  }

  ask();
}

/** A strip on the map that says that nothing was found, so that no map is empty without a word. */
function nothing(words) {
  const control = L.control({ position: "bottomleft" });
  control.onAdd = () => h("div", { class: "map-says" }, words);
  return control.addTo(map);
}

/** Where a place's popup points: the middle of its largest part. */
function heart({ geometry }) {
  const parts = geometry.type.startsWith("Multi")
    ? geometry.coordinates.map((coordinates) => ({
        type: geometry.type.slice("Multi".length),
        coordinates,
      }))
    : [geometry];
  const size = (part) => JSON.stringify(part.coordinates).length;
  const largest = parts.reduce((best, part) => (size(part) > size(best) ? part : best));
  if (largest.type === "LineString") {
    const [lon, lat] = largest.coordinates[Math.floor(largest.coordinates.length / 2)];
    return L.latLng(lat, lon);
  }
  return L.geoJSON(largest).getBounds().getCenter();
}

/** Let the other language show the same question. */
function keepOnLanguageSwitch() {
  const link = document.querySelector("a.language");
  if (!link) return;
  const address = new URL(link.href);
  address.searchParams.set("next", window.location.pathname + window.location.search);
  link.href = address.href;
}

/** Let the toolbar's export and "keep" follow the question. */
function follow(query) {
  const given = Object.entries(query).filter(([, value]) => value !== "");
  const asked = new URLSearchParams(given).toString();
  const file = document.getElementById("hotspots-export");
  if (file) {
    file.href = `${endpoints.hotspot_rows}?${asked}`;
    file.download = `hotspots-${query.method}-${query.first}-${query.last}.geojson`;
  }
  const keep = document.getElementById("hotspots-keep");
  if (keep) keep.action = `${keep.dataset.action}?${asked}`;
}
