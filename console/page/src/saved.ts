// A practice that is over, as one file: what happened, what could be seen, and its solution. It may come from somebody else, so it holds text, no HTML.
import type { Dashboard, LogLine, Practice, PracticeRun, Trace, TraceSummary } from "./api.ts";
import { get } from "./api.ts";

const KIND = "picus-practice-1";
/** So many minutes before the fault and after the last deed are kept, and so many lines and traces. */
const [BEFORE, AFTER, LINES, TRACES] = [10, 10, 300, 20];

/** What could be seen: the overview dashboard, the newest lines, and traces, those that failed first. */
export interface Seen { dashboard: Dashboard; lines: LogLine[]; traces: Trace[] }

export interface Saved {
  kind: typeof KIND;
  title: string;
  explanation: string;
  /** The words for each id in `run`. */
  titles: Record<string, string>;
  run: Omit<PracticeRun, "over"> & { over: Omit<NonNullable<PracticeRun["over"]>, "explanation_html"> };
  seen?: Seen;
}

/** The practice that is over, if one is. */
export function saved(practice: Practice, run: PracticeRun | null): Saved | null {
  if (!run?.over) return null;
  const { explanation_html, ...over } = run.over;
  return {
    kind: KIND,
    title: practice.scenarios.find(({ id }) => id === run.scenario)?.title ?? run.scenario,
    explanation: new DOMParser().parseFromString(explanation_html, "text/html").body.textContent.trim(),
    titles: Object.fromEntries([...practice.causes, ...practice.actions].map(({ id, title }) => [id, title])),
    run: { ...run, over },
  };
}

/** Asks for what could be seen, which may be long ago. */
export async function seen({ run }: Saved, now: number): Promise<Seen> {
  const deeds = [run.began_minute, run.paged_minute ?? 0, run.mended_minute ?? 0, ...[...run.answers, ...run.acts].map(({ minute }) => minute)];
  const until = Math.min(now, Math.max(...deeds) + AFTER);
  const minutes = Math.min(1440, Math.max(1, until - run.began_minute + BEFORE));
  const dashboard = await get<Dashboard>("/api/dashboards/overview", { minutes, until });
  const range = { from: dashboard.times[0], until: dashboard.times.at(-1) };
  const { lines } = await get<{ lines: LogLine[] }>("/api/logs", { ...range, limit: LINES });
  const found = await get<{ traces: TraceSummary[] }>("/api/traces", { ...range, limit: LINES });
  const first = found.traces.toSorted((a, b) => Number(b.failed) - Number(a.failed)).slice(0, TRACES);
  const traces = await Promise.all(first.map(({ id }) => get<Trace>(`/api/traces/${id}`).catch(() => null)));
  return { dashboard: withoutHtml(dashboard), lines, traces: traces.filter((trace) => trace !== null) };
}

const withoutHtml = (dashboard: Dashboard): Dashboard => ({ ...dashboard, widgets: dashboard.widgets.filter(({ type }) => type !== "text") });

export function save(one: Saved): void {
  const url = URL.createObjectURL(new Blob([JSON.stringify(one, null, 2)], { type: "application/json" }));
  const link = Object.assign(document.createElement("a"), { href: url, download: `practice-${one.run.scenario}.json` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

export async function opened(file: File): Promise<Saved> {
  let read: Partial<Saved> | null = null;
  try {
    read = JSON.parse(await file.text()) as Partial<Saved> | null;
  } catch (error) {
    throw new Error(`The file ${file.name} is not JSON: ${(error as Error).message}`);
  }
  const { run, titles } = read ?? {};
  const isOne = read?.kind === KIND && titles && run?.over && [run.answers, run.acts, run.over.causes, ...(run.answers ?? []).map(({ causes }) => causes)].every(Array.isArray);
  if (!isOne) throw new Error(`The file ${file.name} is not a practice that was saved here.`);
  const { seen } = read as Saved;
  if (!seen) return read as Saved;
  if (![seen.lines, seen.traces, seen.dashboard?.times, seen.dashboard?.widgets].every(Array.isArray)) throw new Error(`The file ${file.name} is damaged.`);
  return { ...(read as Saved), seen: { ...seen, dashboard: withoutHtml(seen.dashboard) } };
}
