// Shared by the tests: a real system on its own ports, and a browser whose errors fail the test.
import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Browser, Page } from "playwright-core";
import { chromium } from "playwright-core";

export const SCREENSHOTS = "screenshots";
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export type Theme = "light" | "dark";

interface State { minute: number; alarms: { on: string[] }; practice: { paged_minute: number | null } | null }

export interface Given {
  base: string;
  page(theme?: Theme, width?: number): Promise<Page>;
  state(): Promise<State>;
  /** Changes something without the page. */
  post(path: string, body: object): Promise<void>;
  /** What browsers wrote to their consoles, and requests that failed. */
  complaints: string[];
  /** The system's process. */
  pid(): number;
  /** Another system at the same address. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** The executable that `PICUS` names, in memory alone; its guide tells the console's address. */
async function system(port: string): Promise<[ChildProcess, string]> {
  const child = spawn(process.env["PICUS"]!, ["--memory", "--port", "0", "--console-port", port], { stdio: ["ignore", "ignore", "pipe"] });
  let told = "";
  const address = await new Promise<string>((found, failed) => {
    child.stderr!.on("data", (data: Buffer) => {
      told += data.toString();
      const address = /console +(http:\/\/\S+)/.exec(told)?.[1];
      if (address) found(address);
    });
    child.on("exit", () => failed(new Error(`picus ended: ${told}`)));
    child.on("error", failed);
  });
  return [child, address];
}

export async function given(): Promise<Given> {
  let [child, base] = await system("0");
  const browser: Browser = await chromium.launch({ executablePath: process.env["CHROMIUM"]!, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
  mkdirSync(SCREENSHOTS, { recursive: true });
  const complaints: string[] = [];
  const end = async () => {
    const ended = new Promise((done) => child.once("exit", done));
    child.kill("SIGINT");
    await ended;
  };
  return {
    base,
    complaints,
    async page(theme = "light", width = 1440) {
      const context = await browser.newContext({ colorScheme: theme, viewport: { width, height: width < 500 ? 844 : 900 }, reducedMotion: "reduce" });
      context.setDefaultTimeout(20_000);
      const page = await context.newPage();
      page.on("console", (message) => {
        // A trace that has not arrived yet is requested again.
        const isEarly = message.location().url.includes("/api/traces/") && message.text().includes("404");
        if (["error", "warning"].includes(message.type()) && !isEarly) complaints.push(message.text());
      });
      page.on("pageerror", (error) => complaints.push(error.message));
      return page;
    },
    async state() {
      return await (await fetch(`${base}/api/state`)).json() as State;
    },
    async post(path, body) {
      const { token } = await (await fetch(`${base}/api/session`)).json() as { token: string };
      const headers = { "Content-Type": "application/json", "X-Picus-Token": token };
      const response = await fetch(base + path, { method: "POST", headers, body: JSON.stringify(body) });
      assert.equal(response.status, 200, `${path}: ${await response.text()}`);
    },
    pid: () => child.pid!,
    async restart() {
      await end();
      [child, base] = await system(new URL(base).port);
    },
    async stop() {
      await browser.close();
      await end();
    },
  };
}

/** Asks until it is so. */
export async function until(what: string, isSo: () => Promise<boolean>, seconds = 60): Promise<void> {
  const end = Date.now() + seconds * 1000;
  while (!(await isSo())) {
    assert.ok(Date.now() < end, `not within ${seconds} s: ${what}`);
    await new Promise((done) => setTimeout(done, 200));
  }
}

/** Problems of accessibility that axe calls serious or critical. */
export async function serious(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  return page.evaluate(`axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) => violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) => nodes.map((node) => id + ": " + node.target.join(" ") + ": " + node.failureSummary)))`);
}
