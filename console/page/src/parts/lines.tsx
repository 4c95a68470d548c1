// Log lines; each opens to its fields.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { LogLine } from "../api.ts";
import { text } from "../format.ts";
import { address } from "../route.ts";
import type { Tone } from "./state.tsx";
import { Badge, Time } from "./state.tsx";

const TONES: Record<string, Tone> = { ERROR: "alarm", WARN: "warn" };
/** What an access line says at a glance. */
const GLANCE = ["http.request.method", "http.route", "http.response.status_code", "duration_ms", "error.code", "exception.message", "object_id"];

function Line({ line }: { line: LogLine }): JSX.Element {
  const [open, setOpen] = useState(false);
  const trace = line.fields["xray_trace_id"];
  const glance = GLANCE.filter((name) => line.fields[name] !== undefined && line.fields[name] !== "").map((name) => text(line.fields[name]) + (name === "duration_ms" ? " ms" : ""));
  return (
    <li>
      <button type="button" class="row-button" aria-expanded={open} onClick={() => setOpen(!open)}>
        <span class="line">
          <Time at={line.at} fine />
          {TONES[line.level] ? <Badge tone={TONES[line.level]!}>{line.level}</Badge> : <span class="muted">{line.level}</span>}
          <span class="what"><b>{line.message || line.text.slice(0, 200)}</b><span>{glance.join(" · ")}</span></span>
        </span>
      </button>
      {open ? (
        <div class="line-fields">
          <dl class="pairs">
            <dt>from</dt><dd>{line.stream}</dd>
            {Object.entries(line.fields).map(([name, value]) => (
              <>
                <dt key={name} class="mono">{name}</dt>
                <dd class="mono">{name.endsWith("trace_id") && typeof value === "string" ? <a href={address("traces", value)}>{value}</a> : text(value)}</dd>
              </>
            ))}
          </dl>
          {typeof trace === "string" && trace ? <p><a href={address("traces", trace)}>Its trace</a></p> : null}
        </div>
      ) : null}
    </li>
  );
}

export const Lines = ({ lines }: { lines: LogLine[] }): JSX.Element => (
  <ol class="lines plain">{lines.map((line) => <Line key={line.seq} line={line} />)}</ol>
);
