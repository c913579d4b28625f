import type { ComponentChildren } from 'preact';
import { Card, DateOf, Empty, Left, LinkButton, Page, Shown, Status, Table } from '../parts/basics';
import { Icon } from '../parts/icons';
import { crlAlarm, CrlLeft, tree, type Ca } from '../parts/ca';
import { count, words, type Tone } from '../lib/format';
import { useLoad } from '../lib/load';
import { overview, type Figure, type Overview as Data } from '../lib/overview';
import { to } from '../lib/router';
import { useRights, useSession } from '../lib/session';
import { t } from '../texts';

const DAY = 86_400_000;

interface Matter {
  tone: Tone;
  figure: Figure;
  text: string;
  href: string;
}

const said = ({ count: number, more }: Figure): string => `${count(number)}${more ? '+' : ''}`;

function matters(data: Data): Matter[] {
  const soon = (until: string, days: number): boolean => new Date(until).getTime() - Date.now() < days * DAY;
  const living = (data.cas?.rows ?? []).filter((ca) => ca.status === 'active');
  const stale = living.filter((ca) => ca.crl && soon(ca.crl.next_update, crlAlarm(ca.crl)));
  const ending = living.filter((ca) => soon(ca.valid_until, 90));
  const among = (list: Ca[]): Figure => ({ count: list.length, more: data.cas?.more ?? false });
  const month = { count: data.month.count - data.week.count, more: data.month.more };
  const all: (Matter | undefined)[] = [
    { tone: 'bad', figure: data.expired, text: t.overview.expired(data.expired.count), href: to(['certificates'], { status: 'expired' }) },
    { tone: 'bad', figure: data.week, text: t.overview.week(data.week.count), href: to(['certificates'], { expiring_within: '7d', sort: 'not_after' }) },
    { tone: 'bad', figure: data.failedOrders, text: t.overview.failedOrders(data.failedOrders.count), href: to(['orders'], { status: 'invalid' }) },
    { tone: 'bad', figure: among(stale), text: t.overview.staleCrls(stale.length), href: to(['cas']) },
    data.deadJobs && { tone: 'bad', figure: data.deadJobs, text: t.overview.deadJobs(data.deadJobs.count), href: to(['jobs'], { state: 'dead' }) },
    { tone: 'warn', figure: month, text: t.overview.month(month.count), href: to(['certificates'], { expiring_within: '30d', sort: 'not_after' }) },
    { tone: 'warn', figure: among(ending), text: t.overview.endingCas(ending.length), href: to(['cas']) },
    { tone: 'warn', figure: data.waiting, text: t.overview.waiting(data.waiting.count), href: to(['desk']) },
    { tone: 'calm', figure: data.openOrders, text: t.overview.openOrders(data.openOrders.count), href: to(['orders'], { status: 'pending' }) },
  ];
  return all.filter((matter): matter is Matter => matter !== undefined && matter.figure.count > 0);
}

function Attention({ data }: { data: Data }) {
  const list = matters(data);
  return (
    <Card title={t.overview.attention}>
      {list.length === 0 ? (
        <p class="well">
          <Icon name="check" />
          {t.overview.nothing}
        </p>
      ) : (
        <ul class="matters">
          {list.map(({ tone, figure, text, href }) => (
            <li key={text}>
              <a class={tone} href={href}>
                <strong>{said(figure)}</strong>
                <span>{text}</span>
                <Icon name="right" />
              </a>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}

function Histogram({ data }: { data: Data }) {
  const most = Math.max(1, ...data.histogram.map((bar) => bar.count));
  return (
    <Card title={t.overview.histogram}>
      <ol class="bars" aria-label={t.overview.histogram}>
        {data.histogram.map((bar) => (
          <li key={bar.month}>
            <span class="bar-count">{bar.count > 0 ? count(bar.count) : <span class="sr">0</span>}</span>
            <span class="bar" style={{ height: `${Math.max(bar.count > 0 ? 4 : 1, Math.round((bar.count / most) * 108))}px` }} data-empty={bar.count === 0 || undefined} aria-hidden="true" />
            <span class="bar-month">{bar.month}</span>
          </li>
        ))}
      </ol>
      {data.certificates.more && <p class="hint">{t.overview.bounded(count(data.certificates.count))}</p>}
    </Card>
  );
}

function Step({ done, title, children, action }: { done: boolean; title: string; children: ComponentChildren; action: ComponentChildren }) {
  return (
    <li class={done ? 'step done' : 'step'}>
      <span class="step-mark" aria-hidden="true">
        {done && <Icon name="check" />}
      </span>
      <div>
        <h3>
          {title}
          {done && <span class="sr"> {t.overview.stepDone}</span>}
        </h3>
        <p>{children}</p>
        {!done && action}
      </div>
    </li>
  );
}

/** What to do first, until there is a certificate. */
function FirstSteps({ data }: { data: Data }) {
  const cas = data.cas?.rows ?? [];
  const { steps } = t.overview;
  const hasCa = cas.some((ca) => ca.status === 'active');
  return (
    <Card title={steps.title}>
      <ol class="steps">
        <Step done={hasCa} title={steps.ca} action={<LinkButton kind="primary" href={to(['cas', 'new'])}>{steps.caAction}</LinkButton>}>
          {steps.caText}
        </Step>
        <Step done={data.hasRoles} title={steps.role} action={hasCa && <LinkButton kind="primary" href={to(['roles', 'new'])}>{steps.roleAction}</LinkButton>}>
          {steps.roleText}
        </Step>
        <Step done={data.certificates.count > 0} title={steps.issue} action={data.hasRoles && <LinkButton kind="primary" href={to(['issue'])}>{steps.issueAction}</LinkButton>}>
          {steps.issueText}
        </Step>
      </ol>
    </Card>
  );
}

const LISTED = 8;

function Cas({ cas }: { cas: Ca[] }) {
  return (
    <Card title={t.cas.title} flush actions={cas.length > LISTED && <a href={to(['cas'])}>{t.common.all}</a>}>
      <Table
        name={t.cas.title}
        rows={tree(cas).slice(0, LISTED)}
        keyOf={({ ca }) => ca.id}
        columns={[
          { head: t.cas.name, cell: ({ ca, depth }) => <a class="nested" style={{ '--depth': depth }} href={to(['cas', ca.id])}>{ca.name}</a> },
          { head: t.common.status, cell: ({ ca }) => <Status of={ca.status} /> },
          { head: t.cas.nextCrl, wide: true, cell: ({ ca }) => <CrlLeft of={ca} /> },
          { head: t.cas.ends, cell: ({ ca }) => <Left until={ca.valid_until} ended={ca.status !== 'active'} bad={30} warn={90} /> },
        ]}
      />
    </Card>
  );
}

function Content({ data }: { data: Data }) {
  const { admin } = useRights();
  const fresh = data.certificates.count === 0 && data.expired.count === 0;
  return (
    <>
      {fresh && admin && <FirstSteps data={data} />}
      {fresh && !admin && <Empty title={t.certificates.none}>{t.overview.noneForReader}</Empty>}
      {(!fresh || matters(data).length > 0) && <Attention data={data} />}
      {!fresh && <Histogram data={data} />}
      <div class="columns">
        {!fresh && (
          <Card title={t.overview.soonest} flush>
            <Table
              name={t.overview.soonest}
              rows={data.soonest}
              keyOf={(row) => row.id}
              columns={[
                { head: t.certificates.name, cell: (row) => <a href={to(['certificates', row.id])}>{row.common_name ?? row.subject}</a> },
                { head: t.certificates.left, cell: (row) => <Left until={row.not_after} /> },
              ]}
            />
          </Card>
        )}
        {data.cas && data.cas.rows.length > 0 && <Cas cas={data.cas.rows} />}
      </div>
      {data.events && data.events.length > 2 && (
        <Card title={t.overview.events} flush>
          <Table
            name={t.overview.events}
            rows={data.events}
            keyOf={(row) => row.id}
            columns={[
              { head: t.audit.when, cell: (row) => <DateOf at={row.timestamp} precise /> },
              { head: t.audit.action, cell: (row) => words(row.action) },
              { head: t.audit.object, wide: true, cell: (row) => <code class="id">{row.object ?? ''}</code> },
              { head: t.audit.result, cell: (row) => <Status of={row.success ? 'ok' : 'refused'} /> },
            ]}
          />
        </Card>
      )}
    </>
  );
}

export function Overview() {
  const { admin, issue } = useRights();
  const { who } = useSession();
  const by = who?.token_id ?? '';
  const data = useLoad(`overview ${by}`, (signal) => overview(admin, by, signal), 30_000);
  return (
    <Page title={t.overview.title} actions={issue && data.data?.hasRoles && <LinkButton kind="primary" icon="issue" href={to(['issue'])}>{t.issue.title}</LinkButton>}>
      <Shown of={data}>{(shown) => <Content data={shown} />}</Shown>
    </Page>
  );
}
