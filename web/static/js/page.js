// The start of every map page.

import { kind, map, t } from "./config.js";
import { panel, say, showTown } from "./furniture.js";

const pages = {
  plan: () => import("./plan.js"),
  incidents: () => import("./incidents.js"),
  hotspots: () => import("./hotspots.js"),
  campaigns: () => import("./campaigns.js"),
  coverage: () => import("./coverage.js"),
  rounds: () => import("./rounds.js"),
};

window.L.control.scale({ imperial: false }).addTo(map);
showTown();
try {
  const page = await pages[kind]();
  await page.start();
} catch (error) {
  panel.replaceChildren(say(error.message || t("map.failed", { status: "" }), { isError: true }));
  throw error;
}
document.documentElement.dataset.mapReady = "true";
