// A Logs Insights query with its button, and what it found.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { QueryAnswer } from "../api.ts";
import { get } from "../api.ts";
import { plural } from "../format.ts";
import { address } from "../route.ts";
import { useRange } from "../range.ts";
import { Rows } from "./rows.tsx";
import { Empty, Failure } from "./state.tsx";

export interface Ran { answer: QueryAnswer | null; error: string | null; busy: boolean }

export function useQuery(): [Ran, (query: string) => Promise<void>] {
  const { minutes, until } = useRange();
  const [ran, set] = useState<Ran>({ answer: null, error: null, busy: false });
  const run = async (query: string) => {
    set((before) => ({ ...before, busy: true }));
    try {
      const answer = await get<QueryAnswer>("/api/logs/query", { query, minutes, until });
      set({ answer, error: answer.error, busy: false });
    } catch (error) {
      set({ answer: null, error: (error as Error).message, busy: false });
    }
  };
  return [ran, run];
}

export function Found({ ran, title }: { ran: Ran; title: string }): JSX.Element | null {
  if (ran.error) return <Failure error={ran.error} />;
  if (!ran.answer) return null;
  const { columns, rows, scanned } = ran.answer;
  return (
    <div class="found" data-rows={rows.length}>
      <p class="hint">{plural(rows.length, "row")} from {plural(scanned, "line")}</p>
      {rows.length ? <Rows title={title} columns={columns} rows={rows} /> : <Empty title="Nothing found">No line of this range matches. A longer range may have some.</Empty>}
    </div>
  );
}

/** A runbook says "2. Run this query. It shows the slowest deletes."; a list needs "The slowest deletes". */
export function shortened(title: string): string {
  const short = title.replace(/^\d+\.\s+/, "").replace(/^Run this query\.\s+/, "").replace(/^(It|This|This query) shows /, "").replace(/\.$/, "");
  return short.charAt(0).toUpperCase() + short.slice(1);
}

export function RunnableQuery({ title, query }: { title: string; query: string }): JSX.Element {
  const [ran, run] = useQuery();
  return (
    <li>
      <div class="run-head">
        <h3>{shortened(title)}</h3>
        <span class="tools">
          <a class="small" href={address("logs", null, { query })}>Edit</a>
          <button type="button" class="primary" disabled={ran.busy} onClick={() => void run(query)}>Run</button>
        </span>
      </div>
      <pre class="code">{query}</pre>
      <Found ran={ran} title={title} />
    </li>
  );
}
