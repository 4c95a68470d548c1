// Uses the console on the real system.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import type { Given } from "./given.ts";
import { given, serious, until } from "./given.ts";

let system: Given;
before(async () => {
  system = await given();
  await system.post("/api/clock", { seconds_per_minute: 1 });
});
after(() => system.stop());

test("an item is put from the page, and its trace is one click away", async () => {
  const page = await system.page();
  await page.goto(`${system.base}/#/requests`);
  await page.locator("textarea").fill('{"name": "<script>alert(1)</script>", "price": 0.1}');
  await page.getByRole("button", { name: "Send" }).click();
  await page.waitForSelector('[data-status="201"]');
  assert.match(await page.locator("main").innerText(), /curl/);
  await page.locator("[data-open-trace]").click();
  await page.waitForSelector("[data-spans]");
  const names = await page.locator("[data-span]").allInnerTexts();
  assert.ok(names.some((name) => name.includes("/picus/put")), names.join("\n"));
  assert.ok(names.some((name) => /PutItem/.test(name)), names.join("\n"));
  assert.match(names[0]!, /load balancer, access log/);
  await page.locator("[data-span]").first().click();
  assert.match(await page.locator(".span-detail").innerText(), /X-Ray does not show this bar[^]*target_status_code\s+201/);

  // The form of the next request offers the item. Its content is shown as text, not as HTML.
  await page.goto(`${system.base}/#/requests`);
  await page.locator(".calls a", { hasText: "/picus/get/{key}" }).click();
  await page.getByRole("button", { name: "Send" }).click();
  await page.waitForSelector('[data-status="200"]');
  assert.match(await page.locator('[data-status="200"] pre').first().innerText(), /<script>alert\(1\)<\/script>/);
  await page.context().close();
  assert.deepEqual(system.complaints, []);
});

test("a fault turns an alarm on, its runbook's query names the cause, and the end of the fault turns it off", async () => {
  const page = await system.page();
  await page.goto(`${system.base}/#/alarms/picus-delete-handler-errors`);
  await page.getByLabel("Traffic").selectOption("normal");
  const state = (wanted: string) => page.waitForSelector(`[data-detail="picus-delete-handler-errors"][data-state="${wanted}"]`, { timeout: 60_000 });
  await state("OK");
  await page.getByText("Break something").click();
  await page.locator('[data-fault*="crash"]').first().click();
  await state("ALARM");
  assert.ok((await page.locator("main").innerText()).includes("In alarm"));
  await page.locator(".runs button").first().click();
  await page.waitForSelector(".found[data-rows]");
  assert.notEqual(await page.locator(".found").first().getAttribute("data-rows"), "0");
  await page.locator(".menu").getByText("1 fault").click();
  await page.locator('.menu input:checked').click();
  await page.waitForSelector(".menu:not(.is-on)");
  await state("OK");
  await page.context().close();
  assert.deepEqual(system.complaints, []);
});

test("a dashboard that is dropped in is drawn, and each bad widget says why", async () => {
  const page = await system.page();
  await page.goto(`${system.base}/#/dashboards`);
  const metric = (y: number, metrics: unknown[], more = {}) =>
    ({ type: "metric", x: 0, y, width: 12, height: 6, properties: { title: `row ${y}`, view: "timeSeries", region: "eu-central-1", stat: "Sum", period: 60, metrics, ...more } });
  const body = { widgets: [
    metric(0, [["AWS/ApplicationELB", "NoSuchMetric"]]),
    metric(6, [["AWS/ApplicationELB", "RequestCount"]]),
    metric(12, [[{ expression: "nonsense(", id: "e1" }]]),
  ] };
  await page.locator("input[type=file]").setInputFiles({ name: "broken.json", mimeType: "application/json", buffer: Buffer.from(JSON.stringify(body)) });
  await page.waitForSelector(".widget");
  for (const title of ["row 0", "row 6", "row 12"]) {
    const widget = page.locator(".widget", { has: page.getByText(title, { exact: true }) });
    const why = widget.locator(".empty, .why").first();
    await why.waitFor();
    assert.ok((await why.innerText()).length > 10, title);
  }
  await page.locator("input[type=file]").setInputFiles({ name: "worse.json", mimeType: "application/json", buffer: Buffer.from("{") });
  await page.waitForSelector(".failure");
  assert.match(await page.locator(".failure").innerText(), /worse\.json is not JSON/);
  await page.context().close();
  assert.deepEqual(system.complaints, []);
});

test("gauges, tables, numbers and sums of searches are drawn, and a point leads to its trace", async () => {
  const page = await system.page();
  await system.post("/api/traffic", { level: "normal" });
  await page.goto(`${system.base}/#/dashboards`);
  const widget = (title: string, view: string, metrics: unknown[], more = {}) =>
    ({ type: "metric", x: 0, y: 0, width: 8, height: 6, properties: { title, view, region: "eu-central-1", stat: "Sum", period: 60, metrics, ...more } });
  const search = "SEARCH('{Picus,service_name,http_route} MetricName=\"picus_requests_measured_total\"', 'Sum', 60)";
  const body = { widgets: [
    widget("as a gauge", "gauge", [["Clients", "Requests"]], { yAxis: { left: { min: 0, max: 50 } } }),
    widget("as a table", "table", [["Clients", "Requests", { label: "sent" }], ["Clients", "Duration", { stat: "p99", label: "slowest" }]]),
    widget("as a number", "singleValue", [[{ expression: `SUM(${search})`, label: "all routes" }]]),
    widget("times", "timeSeries", [["Picus", "http_server_request_duration_seconds", "service_name", "picus-service", "http_route", "/picus/get/{key}", { stat: "p99" }]]),
  ] };
  await page.locator("input[type=file]").setInputFiles({ name: "mine.json", mimeType: "application/json", buffer: Buffer.from(JSON.stringify(body)) });
  const of = (title: string) => page.locator(`.widget[aria-label="${title}"]`);
  await of("as a gauge").locator('svg[aria-label^="Requests "]').waitFor();
  assert.match(await of("as a gauge").innerText(), /\d[^]*Requests · 0 to 50/);
  assert.ok((await of("as a gauge").locator(".gauge-front").getAttribute("d"))!.startsWith("M12 60A48 48"));
  assert.match(await of("as a table").innerText(), /series\s+last\s+sent\s+\d+\s+slowest\s+0\.\d+/);
  assert.match(await of("as a number").innerText(), /\d+\s+all routes/);
  assert.equal(await page.locator(".problems").count(), 0);
  const point = of("times").locator("[data-exemplar]").first();
  await point.waitFor({ timeout: 30_000 });
  const trace = await point.getAttribute("data-exemplar");
  const [mark, plot] = [(await point.boundingBox())!, (await of("times").locator(".u-over").boundingBox())!];
  const [x, y] = [mark.x + mark.width / 2, mark.y + mark.height / 2];
  assert.ok(x >= plot.x - 1 && x <= plot.x + plot.width + 1 && y >= plot.y - 1 && y < plot.y + plot.height, `${JSON.stringify(mark)} is within ${JSON.stringify(plot)}`);
  await of("times").getByRole("link", { name: /^Trace of 0\.\d/ }).first().waitFor();
  await point.click({ force: true });
  await page.waitForSelector("[data-spans]");
  assert.match(await page.locator("h1").innerText(), /GET \/picus\/get\/\{key\}/);
  assert.ok(trace!.length === 32);
  await page.context().close();
  assert.deepEqual(system.complaints, []);
});

test("a template is tried on the system's data, and its problems are listed", async () => {
  const page = await system.page();
  await page.goto(`${system.base}/#/alarms`);
  await page.getByRole("link", { name: "Try a template" }).click();
  const template = `Resources:
  Mine: {Type: "AWS::CloudWatch::Alarm", Properties: {AlarmName: mine, AlarmDescription: d, Namespace: Clients,
    MetricName: Nothing, Statistic: Sum, Period: 60, EvaluationPeriods: 1, Threshold: 0,
    ComparisonOperator: GreaterThanThreshold, TreatMissingData: breaching}}`;
  await page.locator("textarea").fill(template);
  await page.getByRole("button", { name: "Evaluate on this system's data" }).click();
  await page.getByRole("heading", { name: "mine" }).waitFor();
  assert.match(await page.locator("main").innerText(), /1 problem[^]*nothing has reported Clients Nothing[^]*In alarm/i);
  await page.locator("input[type=file]").setInputFiles({ name: "bad.yaml", mimeType: "text/yaml", buffer: Buffer.from("Resources: {A: [") });
  await page.waitForFunction('document.querySelector("textarea").value.startsWith("Resources: {A")');
  await page.getByRole("button", { name: "Evaluate on this system's data" }).click();
  await page.getByText("No alarm in it").waitFor();
  assert.deepEqual(await serious(page), []);
  await page.context().close();
  assert.deepEqual(system.complaints, []);
});

test("the whole OpenAPI document is within the page, and its viewer comes only when it is opened", async () => {
  const page = await system.page();
  const asked: string[] = [];
  page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  await page.goto(`${system.base}/#/requests`);
  await page.getByRole("button", { name: "Send" }).waitFor();
  assert.ok(!asked.some((path) => path.startsWith("/docs")), asked.join("\n"));
  await page.getByRole("link", { name: "Whole document" }).click();
  await page.frameLocator("iframe").getByText("/picus/put").first().waitFor();
  await page.context().close();
  assert.deepEqual(system.complaints, []);
});

test("a practice is solved by its cause and its mend, saved, and opened again", async () => {
  const page = await system.page();
  await page.goto(`${system.base}/#/practice`);
  await page.locator('[data-scenario="02-deletes-fail"]').click();
  // A page appears in every view.
  await page.goto(`${system.base}/#/overview`);
  await page.locator('[data-pager="rings"]').waitFor({ timeout: 60_000 });
  assert.equal(await page.locator(".menu").count(), 0, "faults are hidden");
  assert.match(await page.title(), /^Paged!/);
  await page.getByRole("button", { name: "Acknowledge" }).click();
  await page.locator('[data-pager="quiet"]').waitFor();
  await page.getByRole("link", { name: "Back to the practice" }).click();
  // So short a minute has few requests, and not always a delete.
  await until("requests that users lose", async () => Number(await page.locator("[data-lost]").getAttribute("data-lost")) > 0);
  await page.locator('[data-cause="handler-crashes"]').check();
  await page.getByRole("button", { name: "That is it" }).click();
  await page.locator('[data-right="true"]').waitFor();
  await page.locator('[data-action="alias-back"]').click();
  await page.locator('[data-solved="true"]').waitFor({ timeout: 60_000 });
  const result = await page.locator("[data-solved]").innerText();
  assert.match(result, /Solved[^]*The delete handler died over each delete[^]*The cause was named[^]*it helped/);
  assert.ok(!result.includes("never"), result);

  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Save as a file" }).click();
  const file = await (await download).path();
  await page.reload();
  await system.post("/api/practice/begin", { scenario: "01-first-page" });
  await system.post("/api/practice/give-up", {});
  await page.locator('[data-solved="false"]').waitFor();
  await page.locator("input[type=file]").setInputFiles(file);
  await page.locator('[data-solved="true"]').waitFor();
  assert.equal(await page.locator("[data-solved]").innerText(), result);
  assert.ok(await page.locator(".evidence .widget-metric").count() > 5, "the metrics of then");
  await page.locator(".evidence summary").first().click();
  await page.locator(".evidence [data-spans]").first().waitFor();
  assert.ok(await page.locator(".evidence .line").count() > 10, "the lines of then");
  assert.deepEqual(await serious(page), []);

  // HTML in somebody else's file is not rendered.
  const other = JSON.parse(readFileSync(file, "utf8")) as { title: string; seen: { dashboard: { widgets: object[] } } };
  other.title = "<b class='theirs'>Theirs</b>";
  other.seen.dashboard.widgets.push({ type: "text", x: 0, y: 0, width: 4, height: 4, markdown_html: "<b class='theirs'>Theirs</b>" });
  await page.locator("input[type=file]").setInputFiles({ name: "theirs.json", mimeType: "application/json", buffer: Buffer.from(JSON.stringify(other)) });
  await page.getByRole("heading", { name: other.title }).waitFor();
  assert.equal(await page.locator(".theirs").count(), 0);
  await page.locator("input[type=file]").setInputFiles({ name: "other.json", mimeType: "application/json", buffer: Buffer.from("{}") });
  await page.waitForSelector(".failure");
  assert.match(await page.locator(".failure").innerText(), /other\.json is not a practice/);
  await page.context().close();
  assert.deepEqual(system.complaints, []);
});

test("a practice with wrong causes and useless actions is failed, and told", async () => {
  const page = await system.page();
  await page.addInitScript(`
    window.tones = 0;
    const start = OscillatorNode.prototype.start;
    OscillatorNode.prototype.start = function (...given) { window.tones += 1; return start.apply(this, given); };
  `);
  const tones = () => page.evaluate("window.tones") as Promise<number>;
  await page.goto(`${system.base}/#/practice`);
  await page.locator('[data-scenario="09-two-at-once"]').click();
  await page.locator('[data-pager="rings"]').waitFor({ timeout: 60_000 });
  assert.equal(await tones(), 0, "the sound is off at first");
  await page.getByRole("button", { name: "Sound off" }).click();
  await page.getByRole("button", { name: "Sound on" }).waitFor();
  await until("the pager rings again", async () => (await tones()) > 2, 10);
  await page.getByRole("button", { name: "Acknowledge" }).click();
  await page.locator('[data-cause="dynamodb-unreachable"]').check();
  await page.getByRole("button", { name: "That is it" }).click();
  await page.locator('[data-right="false"]').waitFor();
  await page.locator('[data-action="roll-back"]').click();
  await page.getByText("it changed nothing").waitFor();
  await page.getByRole("button", { name: "Give up" }).click();
  await page.locator('[data-solved="false"]').waitFor();
  assert.match(await page.locator("[data-solved]").innerText(), /Not solved[^]*never[^]*The shortest way[^]*A wrong cause was named/);
  await page.context().close();
  assert.deepEqual(system.complaints, []);
});

test("an open page follows the clock, and goes on after a restart of the system", async () => {
  const page = await system.page();
  await page.goto(`${system.base}/#/overview`);
  const minute = async () => Number(await page.locator("[data-minute]").getAttribute("data-minute"));
  const first = await minute();
  await until("another minute", async () => (await minute()) > first, 10);
  const pauseAndRun = async () => {
    await page.getByRole("button", { name: "Pause the clock" }).click();
    await page.getByRole("button", { name: "Run the clock" }).click();
    await page.getByRole("button", { name: "Pause the clock" }).waitFor();
  };
  await pauseAndRun();
  assert.deepEqual(system.complaints, []);

  await system.restart();
  await page.getByText("Reconnecting").waitFor({ state: "detached" });
  await until("the minutes of the new system", async () => (await minute()) <= first);
  // The restarted system has another token.
  await pauseAndRun();
  assert.equal(await page.locator(".control-error").count(), 0);
  await page.context().close();
});
