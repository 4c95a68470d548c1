// One trace: its calls over time, their attributes and events, and the request's log lines.
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Json, Span, Trace } from "../api.ts";
import { milliseconds, plural, text } from "../format.ts";
import { useLoaded } from "../live.ts";
import { address } from "../route.ts";
import { Lines } from "./lines.tsx";
import { Empty, Failure, Heading, Loading, Shape, Time } from "./state.tsx";

const Pairs = ({ values }: { values: Json }): JSX.Element => (
  <dl class="pairs">
    {Object.entries(values).map(([name, value]) => (
      <>
        <dt key={name} class="mono">{name}</dt>
        <dd class="mono">{text(value)}</dd>
      </>
    ))}
  </dl>
);

function Row({ span, total, kind }: { span: Span; total: number; kind: number }): JSX.Element {
  const [open, setOpen] = useState(false);
  const left = (100 * span.start_ms) / total;
  const width = Math.min((100 * span.duration_ms) / total, 100 - left);
  return (
    <li>
      <button type="button" class="row-button" aria-expanded={open} onClick={() => setOpen(!open)} data-span={span.name}>
        <span class="span-row">
          <span class="span-name" style={{ paddingLeft: `${8 + 18 * span.depth}px` }}>
            {span.failed ? <Shape tone="alarm" /> : <i class={`dot service-${kind}`} />}
            <span title={span.name}>{span.name}</span>
            <small>{span.kind === "access log" ? "load balancer, access log" : span.service.replace(/^picus-/, "")}</small>
          </span>
          <span class="lane">
            <i class={span.failed ? "is-failed" : `fill-${kind}`} style={{ left: `${left}%`, width: `${width}%` }} />
            <b style={{ left: `${left + width}%` }}>{milliseconds(span.duration_ms)}</b>
          </span>
        </span>
      </button>
      {open ? (
        <div class="span-detail">
          {span.kind === "access log" ? <p>The load balancer makes no span, so X-Ray does not show this bar. It is what its access log says: from the request to the begin of the response.</p> : null}
          <p class="muted">{span.kind} · begins {milliseconds(span.start_ms)} into the request{span.failed ? " · failed" : ""}</p>
          <Pairs values={span.attributes} />
          {span.events.map((event, index) => (
            <div key={index}>
              <h3>{event.name}</h3>
              <Pairs values={event.attributes ?? {}} />
            </div>
          ))}
        </div>
      ) : null}
    </li>
  );
}

export function Waterfall({ spans }: { spans: Span[] }): JSX.Element {
  const services = [...new Set(spans.map(({ service }) => service))];
  const total = Math.max(...spans.map((span) => span.start_ms + span.duration_ms), 0.001);
  return (
    <ol class="waterfall plain" data-spans={spans.length}>
      {spans.map((span) => <Row key={span.id} span={span} total={total} kind={(services.indexOf(span.service) % 5) + 1} />)}
    </ol>
  );
}

/** How often it is asked for, once a second. */
const TRIES = 8;

export function TracePage({ id }: { id: string }): JSX.Element {
  const [tries, setTries] = useState(0);
  const { value: trace, error } = useLoaded<Trace>(`/api/traces/${encodeURIComponent(id)}`, {}, tries);
  // The programs send their spans in batches: those of a request that has just been made may still come.
  const waits = error !== null && tries < TRIES;
  useEffect(() => {
    if (!waits) return;
    const timer = setTimeout(() => setTries(tries + 1), 1000);
    return () => clearTimeout(timer);
  }, [waits, tries]);
  const back = <a class="button" href={address("traces")}>All traces</a>;
  if (waits) return <><Heading title="Trace" lead="It has not arrived yet. The programs send their spans in batches.">{back}</Heading><div class="card"><Loading lines={6} /></div></>;
  if (error) return <><Heading title="Trace">{back}</Heading><Failure error={error} /></>;
  if (!trace) return <><Heading title="Trace">{back}</Heading><div class="card"><Loading lines={6} /></div></>;
  return (
    <>
      <Heading title={trace.name} lead={<>{milliseconds(trace.duration_ms)} · {plural(trace.spans.filter(({ kind }) => kind !== "access log").length, "span")} · <Time at={trace.start} fine /> · <code data-trace={trace.id}>{trace.xray_id}</code></>}>
        {back}
      </Heading>
      <div class="stack">
        <section class="card" aria-label="Waterfall">
          <Waterfall spans={trace.spans} />
        </section>
        <section class="card" aria-labelledby="lines">
          <header><h2 id="lines">Its log lines</h2></header>
          {trace.lines.length ? <Lines lines={trace.lines} /> : <Empty title="None kept">The lines of this request are no longer in memory, or not written yet.</Empty>}
        </section>
      </div>
    </>
  );
}
