// Overview: is it well, who has trouble, and do users see what the indicators say?
import type { JSX } from "preact";
import type { Overview as Answer, Slo, State } from "../api.ts";
import { number, percent, plural } from "../format.ts";
import { useLoaded } from "../live.ts";
import { SystemMap } from "../parts/map.tsx";
import { Badge, Empty, Failure, Heading, Loading, Shape, Time } from "../parts/state.tsx";
import { address } from "../route.ts";

const Budget = ({ slo }: { slo: Slo }): JSX.Element => {
  const left = slo.budget_left_percent ?? null;
  const tone = left === null ? "none" : left > 50 ? "ok" : left > 0 ? "warn" : "alarm";
  return (
    <li class="slo">
      <div class="slo-head">
        <strong>{slo.title.split(" · ")[0]}</strong>
        <Badge tone={tone}>{left === null ? "not measured" : left <= 0 ? "budget spent" : `${percent(left)} left`}</Badge>
      </div>
      <meter class={`tone-${tone}`} min={0} max={100} value={Math.max(0, left ?? 0)} aria-label={slo.title}>{percent(left)}</meter>
      {slo.attained_percent === null || slo.attained_percent === undefined ? null : (
        <p class="muted small">
          {percent(slo.attained_percent)} of {percent(slo.objective_percent)} · {number(slo.good)} of {plural(slo.total ?? 0, "request")} good
          in {plural(slo.window_minutes, "minute")}
        </p>
      )}
    </li>
  );
};

export function Overview({ state }: { state: State }): JSX.Element {
  const { value, error } = useLoaded<Answer>("/api/overview", { minutes: 5 }, state.minute);
  const on = state.faults.filter((fault) => fault.on);
  const level = state.traffic.level;
  return (
    <>
      <Heading title="Overview" lead="The last five minutes of CloudWatch's, as its metrics and X-Ray's map would show them." />
      {error ? <Failure error={error} /> : null}
      {!value ? (error ? null : <Loading lines={6} />) : (
        <div class="overview">
          <section class="card map-card" aria-label="Map">
            <SystemMap nodes={value.nodes} edges={value.edges} />
            {level === "none" ? <p class="map-note"><Shape tone="none" />Nobody sends requests. Choose a level of traffic above, or send one under <a href={address("requests")}>Requests</a>.</p> : null}
            {on.length ? <p class="map-note tone-warn"><Shape tone="warn" />{on.map((fault) => fault.title).join(" · ")}</p> : null}
          </section>
          <section class="card" aria-labelledby="on">
            <header><h2 id="on">Alarms that are on</h2><a class="small" href={address("alarms")}>All alarms</a></header>
            {value.alarms_on.length === 0 ? (
              <Empty title="None">{state.alarms.ok} are OK{state.alarms.insufficient_data ? `, ${state.alarms.insufficient_data} wait for data` : ""}.</Empty>
            ) : (
              <ul class="alarms-on">
                {value.alarms_on.map((alarm) => (
                  <li key={alarm.name}>
                    <Shape tone="alarm" />
                    <div>
                      <a href={address("alarms", alarm.name)}>{alarm.name}</a>
                      <span class="muted small"> since minute {alarm.minute}, <Time at={alarm.since} /></span>
                      <p class="small muted clamp" title={alarm.reason}>{alarm.reason}</p>
                    </div>
                  </li>
                ))}
              </ul>
            )}
          </section>
          <section class="card" aria-labelledby="slos">
            <header><h2 id="slos">Service level objectives</h2></header>
            {value.slos.length ? <ul class="slos">{value.slos.map((slo) => <Budget key={slo.title} slo={slo} />)}</ul> : <Empty title="Nothing measured yet" />}
          </section>
          <section class="card" aria-labelledby="clients">
            <header><h2 id="clients">What clients saw</h2></header>
            <dl class="figures">
              <div><dt>Sent</dt><dd>{number(value.clients.sent)}</dd></div>
              <div><dt>Failed</dt><dd>{number(value.clients.failed)} <small>{percent(value.clients.failed_percent)}</small></dd></div>
              <div><dt>Gave up</dt><dd>{number(value.clients.gave_up)}</dd></div>
              <div><dt>Failed by the indicators</dt><dd>{percent(value.clients.slis_failed_percent)}</dd></div>
            </dl>
            <p class="hint inset">The first three are counted by the clients. The last is what the service level indicators say: the two should agree.</p>
          </section>
        </div>
      )}
    </>
  );
}
