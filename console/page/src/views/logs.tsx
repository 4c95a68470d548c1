// Logs: what is written now, and Logs Insights queries over what is kept.
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { LogLine, NamedQuery, State } from "../api.ts";
import { get } from "../api.ts";
import { useLoaded } from "../live.ts";
import { Lines } from "../parts/lines.tsx";
import { Found, shortened, useQuery } from "../parts/query.tsx";
import { RangeTool } from "../parts/range.tsx";
import { Empty, Failure, Heading, Loading } from "../parts/state.tsx";
import type { Route } from "../route.ts";
import { address } from "../route.ts";

/** Also lines that have no level: metrics, and Lambda's own. */
const ALL = "all";
/** More lines than anyone reads would only make the page slow. */
const MOST = 300;

function Tail(): JSX.Element {
  const [lines, setLines] = useState<LogLine[] | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [text, setText] = useState("");
  const [level, setLevel] = useState("");
  const [following, follow] = useState(true);
  const box = useRef<HTMLDivElement>(null);
  const last = useRef(0);
  useEffect(() => {
    let wanted = true;
    last.current = 0;
    const more = async () => {
      try {
        const answer = await get<{ lines: LogLine[]; last: number }>("/api/logs", { after: last.current || null, text, level: level === ALL ? "" : level, limit: MOST });
        if (!wanted) return;
        // A restarted system counts from the beginning.
        const restarted = answer.last < last.current;
        const first = last.current === 0 || restarted;
        last.current = restarted ? 0 : answer.last;
        setLines((before) => [...(first ? [] : before ?? []), ...answer.lines].slice(-MOST));
        setError(null);
      } catch (failed) {
        if (wanted) setError((failed as Error).message);
      }
    };
    setLines(null);
    void more();
    const timer = following ? setInterval(() => void more(), 1000) : undefined;
    return () => {
      wanted = false;
      clearInterval(timer);
    };
  }, [text, level, following]);
  const shown = lines?.filter((line) => level === ALL || line.level);
  useEffect(() => {
    if (following && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [lines, following]);
  return (
    <section class="card" aria-label="Tail">
      <form class="filters" onSubmit={(event) => event.preventDefault()}>
        <label class="field grow"><span>Lines that contain</span><input value={text} placeholder="an id, a route, a word" onInput={(event) => setText(event.currentTarget.value)} /></label>
        <label class="field">
          <span>Level</span>
          <select value={level} onChange={(event) => setLevel(event.currentTarget.value)}>
            <option value="">Every level</option>
            {["ERROR", "WARN", "INFO", "DEBUG"].map((one) => <option key={one}>{one}</option>)}
            <option value={ALL}>All, with metrics</option>
          </select>
        </label>
        <button type="button" aria-pressed={following} onClick={() => follow(!following)}>{following ? "Stop following" : "Follow"}</button>
      </form>
      {error ? <Failure error={error} /> : null}
      {!shown ? (error ? null : <Loading lines={8} />) : shown.length ? <div class="tail" ref={box} tabIndex={0} role="region" aria-label="Log lines"><Lines lines={shown} /></div> : (
        <Empty title="No lines">Nothing was written that matches. Choose a level of traffic above to see lines come.</Empty>
      )}
    </section>
  );
}

function Insights({ given, state }: { given: string; state: State }): JSX.Element {
  const [query, setQuery] = useState(given);
  const [ran, run] = useQuery();
  const known = useLoaded<{ queries: NamedQuery[] }>("/api/logs/queries");
  useEffect(() => {
    setQuery(given);
    if (given) void run(given);
  }, [given]);
  return (
    <div class="beside">
      <nav class="card" aria-label="Queries of the documents">
        <header><h2>From the documents</h2></header>
        {known.error ? <Failure error={known.error} /> : null}
        <ul class="query-list">
          {known.value?.queries.map((one) => (
            <li key={`${one.from} ${one.query}`}>
              <button type="button" class="row-button" aria-pressed={one.query === query} onClick={() => {
                setQuery(one.query);
                void run(one.query);
              }}>{shortened(one.title)}<small>{one.from.replace(/^docs\//, "")}</small></button>
            </li>
          ))}
        </ul>
      </nav>
      <section class="card" aria-label="Query">
        <div class="body stack">
          <label class="field">
            <span>Logs Insights query, over both programs' lines</span>
            <textarea rows={6} spellcheck={false} value={query} onInput={(event) => setQuery(event.currentTarget.value)}
              onKeyDown={(event) => (event.ctrlKey || event.metaKey) && event.key === "Enter" && void run(query)} />
          </label>
          <div class="tools">
            <button type="button" class="primary" disabled={ran.busy || !query.trim()} onClick={() => void run(query)}>Run query</button>
            <span class="muted small">Ctrl + Enter</span>
            <RangeTool state={state} />
          </div>
          {ran.answer || ran.error ? <Found ran={ran} title="the query" /> : <Empty title="Nothing run yet">Choose a query of the documents, or write one.</Empty>}
        </div>
      </section>
    </div>
  );
}

export function Logs({ route, state }: { route: Route; state: State }): JSX.Element {
  const query = route.query.get("query");
  const insights = query !== null || route.name === "insights";
  return (
    <>
      <Heading title="Logs" lead="What both programs write, and the queries of the runbooks and dashboards, run by the evaluator that the tests use." />
      <nav class="tabs" aria-label="Logs">
        <a class="tab" href={address("logs")} aria-current={insights ? undefined : "page"}>Tail</a>
        <a class="tab" href={address("logs", "insights")} aria-current={insights ? "page" : undefined}>Insights</a>
      </nav>
      <div class="under-tabs">{insights ? <Insights given={query ?? ""} state={state} /> : <Tail />}</div>
    </>
  );
}
