// Pages about one person's rounds: a day replayed, and the worker's own page.

import { settings } from "./config.js";

const pages = {
  replay: () => import("./replay.js"),
  mine: () => import("./rounds_mine.js"),
};

export async function start() {
  const page = await pages[settings.page]();
  await page.start();
}
