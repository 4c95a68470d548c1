// Every view in both themes and at three widths: nothing overflows, axe finds nothing serious, and a picture is kept.
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
};

let system: Given;
before(async () => {
  system = await given();
  await system.post("/api/clock", { seconds_per_minute: 1 });
  await system.post("/api/traffic", { level: "normal" });
  await until("twelve minutes", async () => (await system.state()).minute >= 12);
  // What is looked at stands still.
  await system.post("/api/clock", { running: false });
});
after(() => system.stop());

for (const theme of ["light", "dark"] satisfies Theme[]) {
  for (const width of [1440, 1280, 390]) {
    test(`each view fits ${width} pixels and is accessible, ${theme}`, async () => {
      const page = await system.page(theme, width);
      for (const [name, address] of Object.entries(VIEWS)) {
        await page.goto(`${system.base}/${address}`);
        await page.waitForSelector("main h1");
        await page.locator(".loading").first().waitFor({ state: "detached" });
        await page.waitForTimeout(150);
        assert.equal(await page.locator(".failure").count(), 0, `${name}: ${await page.locator("main").innerText()}`);
        assert.ok(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), `${name} is wider than the window`);
        await page.screenshot({ path: `${SCREENSHOTS}/${name}-${theme}-${width}.png` });
        // Widths share their colours, and the themes what a narrow window hides.
        if (width === 1440 || (width === 390 && theme === "light")) assert.deepEqual(await serious(page), [], `${name}, ${theme}`);
      }
      await page.context().close();
      assert.deepEqual(system.complaints, []);
    });
  }
}

test("the switch changes the theme, and the keyboard reaches everything", async () => {
  const page = await system.page("light");
  await page.goto(`${system.base}/#/overview`);
  await page.getByRole("button", { name: "Dark colours" }).click();
  await page.waitForSelector("html[data-theme=dark]");
  await page.reload();
  await page.waitForSelector("html[data-theme=dark]");
  await page.waitForSelector(".menu summary");
  // From the top: skip link, brand, clock, speed, traffic, faults.
  for (let step = 0; step < 6; step++) await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".menu[open]");
  await page.keyboard.press("Escape");
  await page.waitForSelector(".menu:not([open])");
  assert.equal(await page.evaluate("document.activeElement.tagName"), "SUMMARY");
  await page.context().close();
});
