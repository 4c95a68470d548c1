// A practice that is over, as one file: what happened, and its solution. It may come from somebody else, so it holds text, no HTML.
import type { Practice, PracticeRun } from "./api.ts";

const KIND = "picus-practice-1";

export interface Saved {
  kind: typeof KIND;
  title: string;
  explanation: string;
  /** The words for each id in `run`. */
  titles: Record<string, string>;
  run: Omit<PracticeRun, "over"> & { over: Omit<NonNullable<PracticeRun["over"]>, "explanation_html"> };
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
  return read as Saved;
}
