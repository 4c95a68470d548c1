// A table of a query's rows.
import type { JSX } from "preact";
import type { Json } from "../api.ts";
import { text } from "../format.ts";
import { address } from "../route.ts";
import { Time } from "./state.tsx";

/** `@timestamp`, and what is computed of it, are milliseconds since 1970: no other number of a log line is as large. */
const isTime = (value: unknown): value is number => typeof value === "number" && value > 1.5e12 && value < 4e12;

/** A cell. Ids of traces lead to their trace. */
function Cell({ name, value }: { name: string; value: unknown }): JSX.Element {
  if (typeof value === "string" && value && (name === "xray_trace_id" || name === "trace_id")) {
    return <a class="mono" href={address("traces", value)}>{value}</a>;
  }
  if (isTime(value)) return <Time at={value} fine />;
  return <>{text(value)}</>;
}

export function Rows({ title, columns, rows, most = 200 }: { title: string; columns: string[]; rows: Json[]; most?: number }): JSX.Element {
  const numeric = new Set(columns.filter((name) => rows.length > 0 && rows.every((row) => (typeof row[name] === "number" && !isTime(row[name])) || row[name] == null)));
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={`Rows of ${title}`}>
      <table>
        <thead>
          <tr>{columns.map((name) => <th key={name} class={numeric.has(name) ? "number" : ""}>{name}</th>)}</tr>
        </thead>
        <tbody>
          {rows.slice(0, most).map((row, index) => (
            <tr key={index}>
              {columns.map((name) => <td key={name} class={numeric.has(name) ? "number" : "cell"} title={text(row[name])}><Cell name={name} value={row[name]} /></td>)}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > most ? <p class="hint">The first {most} of {rows.length} rows.</p> : null}
    </div>
  );
}
