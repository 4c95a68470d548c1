// Every view in both themes and at three widths: nothing overflows, axe finds nothing serious, and a screenshot
// is saved.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Given, Theme } from "./given.ts";
import { SCREENSHOTS, given, serious, until } from "./given.ts";

const VIEWS: Record<string, string> = {
  overview: "#/overview",
  dashboards: "#/dashboards",
  service: "#/dashboards/service",
  alarms: "#/alarms/picus-availability-page",
  traces: "#/traces",
  logs: "#/logs",
  insights: "#/logs/insights",
  requests: "#/requests",
  document: "#/requests/document",
  template: "#/alarms/template",
  practice: "#/practice",
};
const THEMES = ["light", "dark"] satisfies Theme[];
const WIDTHS = [1440, 1280, 390];

let system: Given;
before(async () => {
  system = await given();
  await system.post("/api/clock", { seconds_per_minute: 1 });
  await system.post("/api/traffic", { level: "normal" });
  await until("twelve minutes", async () => (await system.state()).minute >= 12);
  // Pauses the system, so that the view does not change.
  await system.post("/api/clock", { running: false });
});
after(() => system.stop());

/** Opens each address, looks whether it fits, and keeps a picture. */
async function look(theme: Theme, width: number, views: Record<string, string>): Promise<void> {
  const page = await system.page(theme, width);
  for (const [name, address] of Object.entries(views)) {
    await page.goto(`${system.base}/${address}`);
    await page.waitForSelector("main h1");
    await page.locator(".loading").first().waitFor({ state: "detached" });
    await page.waitForTimeout(150);
    assert.equal(await page.locator(".failure").count(), 0, `${name}: ${await page.locator("main").innerText()}`);
    assert.ok(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), `${name} is wider than the window`);
    await page.screenshot({ path: `${SCREENSHOTS}/${name}-${theme}-${width}.png` });
    // Colours do not depend on the width, and hidden parts not on the theme, so not every combination is
    // needed.
    if (width === 1440 || (width === 390 && theme === "light")) assert.deepEqual(await serious(page), [], `${name}, ${theme}`);
  }
  await page.context().close();
  assert.deepEqual(system.complaints, []);
}

for (const theme of THEMES) {
  for (const width of WIDTHS) test(`each view fits ${width} pixels and is accessible, ${theme}`, () => look(theme, width, VIEWS));
}

test("a practice fits and is accessible when it pages, and when it is over", async () => {
  const everywhere = async (views: Record<string, string>) => {
    for (const theme of THEMES) for (const width of WIDTHS) await look(theme, width, views);
  };
  await system.post("/api/practice/begin", { scenario: "02-deletes-fail" });
  await until("a page", async () => (await system.state()).practice?.paged_minute !== null);
  await system.post("/api/clock", { running: false });
  await system.post("/api/practice/answer", { causes: ["dynamodb-slow"] });
  await system.post("/api/practice/act", { action: "roll-back" });
  await everywhere({ "practice-paged": "#/practice" });
  await look("dark", 1440, { "practice-elsewhere": "#/overview" });
  await look("light", 390, { "practice-elsewhere": "#/overview" });
  await system.post("/api/practice/give-up", {});
  await everywhere({ "practice-over": "#/practice" });
});

test("the switch changes the theme, and the keyboard reaches everything", async () => {
  const page = await system.page("light");
  await page.goto(`${system.base}/#/overview`);
  await page.getByRole("button", { name: "Dark colours" }).click();
  await page.waitForSelector("html[data-theme=dark]");
  await page.reload();
  await page.waitForSelector("html[data-theme=dark]");
  await page.waitForSelector(".menu summary");
  // In order: skip link, brand, clock, speed, traffic, faults.
  for (let step = 0; step < 6; step++) await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".menu[open]");
  await page.keyboard.press("Escape");
  await page.waitForSelector(".menu:not([open])");
  assert.equal(await page.evaluate("document.activeElement.tagName"), "SUMMARY");
  await page.context().close();
});
