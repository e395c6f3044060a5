// Cells of a lattice on a canvas of their own: a picture of one pixel a cell, laid over the ground.

const { L } = window;

const PANE = "cells";
const PANE_LEVEL = "350"; // above the tiles (200), below outlines (400)
const PADDING = 0.25; // of the map's size, drawn beyond its edges, so that panning shows no gap
const STRAIGHT_PX = 0.2; // a bend of the lattice below this is drawn straight
const MOST_BLOCKS = 64; // along each side
const FINE_PX = 1.5; // cells smaller than this are smoothed, so that none is lost
const HIT_ZOOM = 18;

/** The point at `u` (west to east) and `v` (north to south) between corners NW, NE, SE, SW. */
export function between([nw, ne, se, sw], u, v) {
  const mix = (axis) =>
    (1 - v) * ((1 - u) * nw[axis] + u * ne[axis]) + v * ((1 - u) * sw[axis] + u * se[axis]);
  return { x: mix("x"), y: mix("y") };
}

/** `u` and `v` of a point: the inverse of `between`, by Newton's steps; null outside. */
export function within(corners, point) {
  const [nw, ne, se, sw] = corners;
  let u = 0.5;
  let v = 0.5;
  for (let step = 0; step < 12; step += 1) {
    const at = between(corners, u, v);
    const [dx, dy] = [point.x - at.x, point.y - at.y];
    const [ux, uy] = ["x", "y"].map((a) => (1 - v) * (ne[a] - nw[a]) + v * (se[a] - sw[a]));
    const [vx, vy] = ["x", "y"].map((a) => (1 - u) * (sw[a] - nw[a]) + u * (se[a] - ne[a]));
    const area = ux * vy - uy * vx;
    if (!area) return null;
    const [du, dv] = [(dx * vy - dy * vx) / area, (dy * ux - dx * uy) / area];
    u += du;
    v += dv;
    if (Math.abs(du) + Math.abs(dv) < 1e-9) break;
  }
  return u >= 0 && u < 1 && v >= 0 && v < 1 ? { u, v } : null;
}

export const CellLayer = L.Layer.extend({
  initialize() {
    this._raster = null;
    this._picture = null;
    this._positions = new Map();
  },

  /** Show the cells `at` of a raster; `colourOf(position)`: red, green, blue, alpha, 0 to 255. */
  show(raster, at, colourOf) {
    this._raster = raster;
    this._positions = new Map(at.map((cell, position) => [cell, position]));
    this._picture = document.createElement("canvas");
    this._picture.width = raster.cols;
    this._picture.height = raster.rows;
    const context = this._picture.getContext("2d");
    const pixels = context.createImageData(raster.cols, raster.rows);
    at.forEach((cell, position) => pixels.data.set(colourOf(position), 4 * cell));
    context.putImageData(pixels, 0, 0);
    if (this._map) this._draw();
  },

  /** Show nothing. */
  clear() {
    this._raster = null;
    this._picture = null;
    this._positions.clear();
    if (this._map) this._draw();
  },

  /** Whether the answer shown is being replaced. */
  fade(isFaded) {
    if (this._canvas) this._canvas.style.opacity = isFaded ? "0.35" : "";
  },

  /** Position among the cells shown of the one at a place; null where none is. */
  positionAt(latlng) {
    if (!this._raster || !this._map) return null;
    const { rows, cols } = this._raster;
    const found = within(this._corners(HIT_ZOOM), this._map.project(latlng, HIT_ZOOM));
    if (!found) return null;
    const cell = Math.floor(found.v * rows) * cols + Math.floor(found.u * cols);
    return this._positions.get(cell) ?? null;
  },

  getEvents() {
    return {
      moveend: this._draw,
      viewreset: this._draw,
      resize: this._draw,
      zoom: () => this._place(this._map.getCenter(), this._map.getZoom()),
      zoomanim: (event) => this._place(event.center, event.zoom),
    };
  },

  onAdd(map) {
    const pane = map.getPane(PANE) ?? map.createPane(PANE);
    pane.style.zIndex = PANE_LEVEL;
    pane.style.pointerEvents = "none";
    this._canvas = L.DomUtil.create("canvas", "cells leaflet-zoom-animated", pane);
    this._draw();
  },

  onRemove() {
    this._canvas.remove();
    this._canvas = null;
  },

  _corners(zoom) {
    return this._raster.corners.map((corner) => this._map.project(corner, zoom));
  },

  _draw() {
    const [map, canvas] = [this._map, this._canvas];
    const size = map.getSize();
    const pad = size.multiplyBy(PADDING).round();
    const origin = map.containerPointToLayerPoint(pad.multiplyBy(-1)).round();
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [size.x + 2 * pad.x, size.y + 2 * pad.y];
    this._drawn = { zoom: map.getZoom(), corner: map.layerPointToLatLng(origin) };
    L.DomUtil.setTransform(canvas, origin, 1);
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    if (!this._picture) return;
    const shift = map.getPixelOrigin().add(origin);
    const corners = this._corners(map.getZoom()).map((point) => point.subtract(shift));
    drawOver(canvas.getContext("2d"), this._picture, corners, { ratio, width, height });
  },

  _place(center, zoom) {
    const map = this._map;
    const origin = map
      .project(center, zoom)
      .subtract(map.getSize().divideBy(2))
      .add(L.DomUtil.getPosition(map.getPane("mapPane")))
      .round();
    const offset = map.project(this._drawn.corner, zoom).subtract(origin);
    L.DomUtil.setTransform(this._canvas, offset, map.getZoomScale(zoom, this._drawn.zoom));
  },
});

/** Lay a picture over a ground of four corners, in as many straight blocks as its bend needs. */
function drawOver(context, picture, corners, { ratio, width, height }) {
  const [nw, ne, se, sw] = corners;
  const bend = Math.hypot(nw.x - ne.x + se.x - sw.x, nw.y - ne.y + se.y - sw.y);
  const n = Math.min(Math.max(Math.ceil(Math.sqrt(bend / STRAIGHT_PX)), 1), MOST_BLOCKS);
  const cellPx = Math.hypot(ne.x - nw.x, ne.y - nw.y) / picture.width;
  context.imageSmoothingEnabled = cellPx < FINE_PX;
  // blocks meet in soft edges; added up, these make the whole colour again
  context.globalCompositeOperation = "lighter";
  const edges = (size) => Array.from({ length: n + 1 }, (_, k) => Math.round((k * size) / n));
  const [rows, cols] = [edges(picture.height), edges(picture.width)];
  for (let i = 0; i < n; i += 1) {
    for (let j = 0; j < n; j += 1) {
      const [top, left] = [rows[i], cols[j]];
      const [high, wide] = [rows[i + 1] - top, cols[j + 1] - left];
      if (!high || !wide) continue;
      const at = (row, col) => between(corners, col / picture.width, row / picture.height);
      const [a, b, c] = [at(top, left), at(top, left + wide), at(top + high, left)];
      const d = at(top + high, left + wide);
      const xs = [a.x, b.x, c.x, d.x];
      const ys = [a.y, b.y, c.y, d.y];
      if (Math.max(...xs) < 0 || Math.min(...xs) > width) continue;
      if (Math.max(...ys) < 0 || Math.min(...ys) > height) continue;
      // the parallelogram nearest to the block: mean sides, about its middle
      const sides = (axis) => [
        (ratio * (b[axis] - a[axis] + d[axis] - c[axis])) / 2 / wide,
        (ratio * (c[axis] - a[axis] + d[axis] - b[axis])) / 2 / high,
        (ratio * (a[axis] + b[axis] + c[axis] + d[axis])) / 4,
      ];
      const [[ux, vx, x], [uy, vy, y]] = [sides("x"), sides("y")];
      context.setTransform(ux, uy, vx, vy, x, y);
      context.drawImage(picture, left, top, wide, high, -wide / 2, -high / 2, wide, high);
    }
  }
  context.setTransform(1, 0, 0, 1, 0, 0);
}
