// Requests: the calls of the OpenAPI document, sent through the console to the load balancer.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { RequestAnswer } from "../api.ts";
import { post } from "../api.ts";
import { milliseconds } from "../format.ts";
import { useLoaded } from "../live.ts";
import type { Call, OpenApi } from "../openapi.ts";
import { callsOf } from "../openapi.ts";
import { Empty, Failure, Heading, Loading, Status } from "../parts/state.tsx";
import type { Route } from "../route.ts";
import { address } from "../route.ts";

/** The name of the whole document in the address: no call has it. */
const DOCUMENT = "document";

/** Ids of items that were put from here, so that the next call finds them. */
let lastItem = "";

function pretty(body: string): string {
  try {
    // Only white space is added, so that no digit of a number is lost.
    const told = JSON.stringify(JSON.parse(body), null, 2);
    return told.replace(/\s/g, "") === body.replace(/\s/g, "") ? told : body;
  } catch {
    return body;
  }
}

function Answer({ answer }: { answer: RequestAnswer }): JSX.Element {
  const [copied, setCopied] = useState(false);
  return (
    <section class="card" aria-label="Response" data-status={answer.status}>
      <div class="body stack">
        <div class="answer-head">
          <Status status={answer.status} />
          <span>{milliseconds(answer.took_ms)}</span>
          {answer.xray_id ? <a href={address("traces", answer.xray_id)} data-open-trace>Open its trace</a> : null}
        </div>
        <pre class="code" tabIndex={0}>{answer.body ? pretty(answer.body) : "The response has no body."}</pre>
        <details>
          <summary>{Object.keys(answer.headers).length} headers</summary>
          <dl class="pairs">
            {Object.entries(answer.headers).map(([name, value]) => (
              <>
                <dt key={name} class="mono">{name}</dt>
                <dd class="mono">{value}</dd>
              </>
            ))}
          </dl>
        </details>
        <div>
          <div class="run-head tools">
            <h3>The same call as curl</h3>
            <button type="button" onClick={() => void navigator.clipboard.writeText(answer.curl).then(() => setCopied(true))}>{copied ? "Copied" : "Copy"}</button>
          </div>
          <pre class="code">{answer.curl}</pre>
        </div>
      </div>
    </section>
  );
}

function Form({ call }: { call: Call }): JSX.Element {
  const [values, setValues] = useState<Record<string, string>>({});
  const [body, setBody] = useState(call.example ?? "");
  const [answer, setAnswer] = useState<RequestAnswer | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const of = (name: string) => values[name] ?? (name === "key" ? lastItem : "");
  const send = async () => {
    setBusy(true);
    const path = call.path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(of(name)));
    const given = call.parameters.filter(({ name, place }) => place !== "path" && of(name));
    const query = new URLSearchParams(given.filter(({ place }) => place === "query").map(({ name }) => [name, of(name)])).toString();
    const headers: Record<string, string> = Object.fromEntries(given.filter(({ place }) => place === "header").map(({ name }) => [name, of(name)]));
    if (call.example !== null) headers["Content-Type"] = "application/json";
    try {
      const told = await post<RequestAnswer>("/api/requests", {
        method: call.method, path: query ? `${path}?${query}` : path, headers, ...(call.example === null ? {} : { body }),
      });
      setAnswer(told);
      setError(null);
      const id = told.status === 201 ? /"object_id":"([^"]+)"/.exec(told.body)?.[1] : undefined;
      if (id) lastItem = id;
    } catch (failed) {
      setError((failed as Error).message);
    } finally {
      setBusy(false);
    }
  };
  return (
    <div class="stack">
      <section class="card">
        <form class="body form" onSubmit={(event) => {
          event.preventDefault();
          void send();
        }}>
          <div>
            <h2><span class="mono">{call.method} {call.path}</span></h2>
            <p class="muted">{call.summary}</p>
          </div>
          {call.parameters.map(({ name, place, required, description }) => (
            <label class="field" key={name}>
              <span>{name} · {place}{required ? ", required" : ""}</span>
              <input value={of(name)} required={required} aria-describedby={`about-${name}`} onInput={(event) => {
                const { value } = event.currentTarget;
                setValues((before) => ({ ...before, [name]: value }));
              }} />
              <small class="muted" id={`about-${name}`}>{description}</small>
            </label>
          ))}
          {call.example === null ? null : (
            <label class="field"><span>body</span><textarea rows={8} spellcheck={false} value={body} onInput={(event) => setBody(event.currentTarget.value)} /></label>
          )}
          <div><button type="submit" class="primary" disabled={busy}>{busy ? "Sending …" : "Send"}</button></div>
        </form>
      </section>
      {error ? <Failure error={error} /> : null}
      {answer ? <Answer answer={answer} /> : null}
    </div>
  );
}

export function Requests({ route }: { route: Route }): JSX.Element {
  const { value, error } = useLoaded<OpenApi>("/api/openapi.json");
  const calls = value ? callsOf(value) : [];
  const isDocument = route.name === DOCUMENT;
  const call = calls.find(({ id }) => id === route.name) ?? calls[0];
  return (
    <>
      <Heading title="Requests" lead="The API's calls, made from its OpenAPI document. The console sends them to the load balancer, as any client would.">
        {route.name && !isDocument ? <a class="button only-narrow" href={address("requests")}>All calls</a> : null}
        <a class="button" href={address("requests", isDocument ? null : DOCUMENT)}>{isDocument ? "Calls as forms" : "Whole document"}</a>
      </Heading>
      {error ? <Failure error={error} /> : null}
      {/* A page of its own with a viewer, loaded when it is opened. */}
      {isDocument ? <iframe class="card document" src="/docs" title="The OpenAPI document" /> : !value ? (error ? null : <Loading lines={6} />) : !call ? <Empty title="The document has no calls" /> : (
        <div class={`beside ${route.name ? "has-choice" : ""}`}>
          <nav class="card" aria-label="Calls">
            <ul class="calls">
              {calls.map((one) => (
                <li key={one.id}>
                  <a href={address("requests", one.id)} aria-current={one.id === call.id ? "true" : undefined}>
                    <b class="mono">{one.method}</b>
                    <span class="break">{one.path}<small>{one.summary}</small></span>
                  </a>
                </li>
              ))}
            </ul>
          </nav>
          <Form key={call.id} call={call} />
        </div>
      )}
    </>
  );
}
