import { useState } from 'preact/hooks';
import { call, see, type Schemas, type Seen } from '../api/client';
import { Badge, Button, Card, DateOf, Empty, Fact, Facts, LinkButton, Page, Problem, Shown, Status, Table, told } from '../parts/basics';
import { Confirm, FormOf, LongText, Select, Text, Tick, useForm, type Form } from '../parts/form';
import { Pager } from '../parts/pager';
import { notify } from '../lib/files';
import { given, several, words } from '../lib/format';
import { asApiError, useLoad } from '../lib/load';
import { TITLES } from '../lib/providers';
import { asked, go, to, usePlace } from '../lib/router';
import { useRights } from '../lib/session';
import type { ApiError } from '../api/client';
import { t } from '../texts';

type Provider = Schemas['DnsProvider'];

export function Dns() {
  const { admin } = useRights();
  const { query } = usePlace();
  const cursor = asked(query, 'cursor');
  const list = useLoad(`dns ${cursor}`, (signal) => call('get', '/v1/pki/dns-providers', { query: { limit: 100, cursor }, signal }));
  return (
    <Page title={t.dns.title} actions={admin && <LinkButton kind="primary" icon="issue" href={to(['dns', 'new'])}>{t.dns.create}</LinkButton>}>
      <Shown of={list}>
        {(page) => (
          <div class="card flush">
            <Table
              name={t.dns.title}
              rows={page.dns_providers}
              keyOf={(row) => row.id}
              empty={<Empty title={t.dns.none} action={admin && <LinkButton kind="primary" href={to(['dns', 'new'])}>{t.dns.create}</LinkButton>}>{t.dns.noneText}</Empty>}
              columns={[
                { head: t.dns.name, cell: (row) => <a href={to(['dns', row.id])}>{row.name}</a> },
                { head: t.dns.type, cell: (row) => TITLES[row.type] ?? words(row.type) },
                { head: t.dns.zones, wide: true, cell: (row) => row.zones.slice(0, 3).join(', ') || t.common.none },
                { head: t.dns.verified, wide: true, cell: (row) => <DateOf at={row.verified_at} precise /> },
                { head: t.common.status, cell: (row) => (row.last_error ? <Badge tone="bad">{t.dns.failing}</Badge> : row.is_active ? <Status of="active" /> : <Badge>{t.dns.off}</Badge>) },
              ]}
            />
            <Pager page={page} path={['dns']} query={query} />
          </div>
        )}
      </Shown>
    </Page>
  );
}

type Field = Schemas['DnsProviderField'];

/** A text as the API takes it for a field of this type. */
function valueOf({ type }: Field, text: string): unknown {
  if (type === 'integer') return Number(text);
  if (type === 'boolean') return text === 'true';
  if (type === 'string_list') return several(text);
  return text.trim();
}

function OneField({ form, field }: { form: Form<Record<string, string>>; field: Field }) {
  const bound = { form, name: field.name, label: words(field.name), hint: field.description, optional: !field.required };
  const choices = field.type === 'boolean' ? ['true', 'false'] : field.choices;
  if (choices.length > 0) return <Select {...bound} choices={['', ...choices].map((value) => ({ value, text: value }))} />;
  return <Text {...bound} type={field.secret ? 'password' : 'text'} autocomplete={field.secret ? 'new-password' : 'off'} mono />;
}

/** Of the propagation, the page asks for the name servers alone. */
const ASKED = ['propagation', 'nameservers'] as const;

/** The fields of a type, remade when another type is chosen. */
function Fields({ type, types, name, zones, verify }: { type: Schemas['DnsProviderType']; types: Schemas['DnsProviderType'][]; name: string; zones: string; verify: boolean }) {
  // The zones stand above, for all types.
  const fields = type.fields.filter((field) => field.fields.length === 0 && field.name !== 'zones');
  const watched = type.fields.some((field) => field.name === ASKED[0]);
  const form = useForm<Record<string, string>>(Object.fromEntries([...fields.map((field) => [field.name, '']), [ASKED[0], '']]), async (values) => {
    const config: Record<string, unknown> = {};
    for (const field of fields) {
      const text = values[field.name] ?? '';
      if (text.trim()) config[field.name] = valueOf(field, text);
    }
    const servers = several(values[ASKED[0]] ?? '');
    if (servers.length > 0) config[ASKED[0]] = { [ASKED[1]]: servers };
    const made = await call('post', '/v1/pki/dns-providers', { body: { name: name.trim(), type: type.type, config, verify, zones: zones.trim() ? several(zones) : undefined } });
    notify(t.common.saved);
    go(to(['dns', made.id]));
  });
  // What most types take is for rare cases; what one takes besides is why it has a form of its own.
  const common = (field: Field): boolean => types.filter((other) => other.fields.some(({ name: one }) => one === field.name)).length > types.length / 2;
  const usual = fields.filter((field) => field.required || !common(field));
  const further = fields.filter((field) => !usual.includes(field));
  return (
    <FormOf form={form} action={t.dns.create}>
      {usual.map((field) => (
        <OneField key={field.name} form={form} field={field} />
      ))}
      {type.type === 'manual' && <p class="callout">{t.dns.byHand}</p>}
      {watched && <Text form={form} name={ASKED[0]} label={t.dns.ask} hint={t.dns.askHint} mono optional />}
      {further.length > 0 && (
        <details class="more">
          <summary>{t.common.more}</summary>
          {further.map((field) => (
            <OneField key={field.name} form={form} field={field} />
          ))}
        </details>
      )}
    </FormOf>
  );
}

function Create({ types }: { types: Schemas['DnsProviderType'][] }) {
  const form = useForm({ type: 'manual', name: '', zones: '', verify: true }, async () => undefined);
  const { v } = form;
  const type = types.find((known) => known.type === v.type);
  return (
    <Card>
      <div class="form">
        <div class="row">
          <Select form={form} name="type" label={t.dns.type} choices={types.map((known) => ({ value: known.type, text: TITLES[known.type] ?? words(known.type) }))} />
          <Text form={form} name="name" label={t.dns.name} placeholder="public-zone" />
        </div>
        <LongText form={form} name="zones" label={t.dns.zones} hint={t.dns.zonesHint} rows={2} optional={v.type !== 'manual'} placeholder="example.com" />
        {v.type !== 'manual' && <Tick form={form} name="verify" label={t.dns.verify} />}
      </div>
      {type && <Fields key={v.type} type={type} types={types} name={v.name} zones={v.zones} verify={v.verify} />}
    </Card>
  );
}

export function NewDns() {
  const types = useLoad('types of DNS providers', (signal) => call('get', '/v1/pki/dns-providers/types', { signal }));
  return (
    <Page narrow title={t.dns.create} back={{ href: to(['dns']), text: t.dns.title }}>
      <Shown of={types}>{(list) => <Create types={list.types} />}</Shown>
    </Page>
  );
}

function Outcome({ of }: { of: Schemas['DnsProviderTest'] }) {
  return (
    <>
      <p class={of.succeeded ? 'verdict good' : 'verdict bad'}>{of.succeeded ? t.dns.worked(of.name) : t.dns.didNot}</p>
      <ol class="outcome">
        {of.steps.map((step) => (
          <li key={step.step} class={step.succeeded ? 'past' : 'failed'}>
            <strong>{t.dns.steps[step.step] ?? step.step}</strong> <span class="faint">{t.time.milliseconds(step.elapsed_ms)}</span>
            {step.error && <p class="bad-text">{step.error}</p>}
          </li>
        ))}
      </ol>
      {of.servers.length > 0 && (
        <Table
          name={t.dns.servers}
          rows={of.servers}
          keyOf={(row) => `${row.name} ${row.address}`}
          columns={[
            { head: t.dns.server, cell: (row) => row.name },
            { head: t.dns.address, wide: true, cell: (row) => <code>{row.address}</code> },
            { head: t.dns.seen, cell: (row) => <>{t.dns.saw[row.seen] ?? row.seen} {row.error && <span class="bad-text">{row.error}</span>}</> },
          ]}
        />
      )}
    </>
  );
}

function TestCard({ of, reload }: { of: Provider; reload: () => void }) {
  const [outcome, setOutcome] = useState<Schemas['DnsProviderTest']>();
  const [error, setError] = useState<ApiError>();
  const form = useForm({ zone: of.zones[0] ?? '' }, async ({ zone }) => {
    setOutcome(undefined);
    setError(undefined);
    try {
      setOutcome(await call('post', '/v1/pki/dns-providers/{id}/test', { path: { id: of.id }, body: { zone: given(zone) } }));
    } catch (cause) {
      setError(asApiError(cause));
    }
    reload();
  });
  return (
    <Card title={t.dns.test}>
      <p class="hint">{t.dns.testText}</p>
      <FormOf form={form} action={t.dns.testAction}>
        <Text form={form} name="zone" label={t.dns.zone} optional />
      </FormOf>
      <div aria-live="polite">
        {error && <Problem error={error} />}
        {outcome && <Outcome of={outcome} />}
      </div>
    </Card>
  );
}

function Content({ seen: { of, state }, reload }: { seen: Seen<Provider>; reload: () => void }) {
  const { admin } = useRights();
  const [deleting, setDeleting] = useState(false);
  const toggle = () => void call('patch', '/v1/pki/dns-providers/{id}', { path: { id: of.id }, body: { is_active: !of.is_active }, state }).catch((cause: unknown) => notify(told(asApiError(cause)))).finally(reload);
  return (
    <Page
      title={of.name}
      back={{ href: to(['dns']), text: t.dns.title }}
      badge={of.is_active ? <Status of="active" /> : <Badge>{t.dns.off}</Badge>}
      actions={
        admin && (
          <>
            <Button onClick={toggle}>{of.is_active ? t.dns.turnOff : t.dns.turnOn}</Button>
            <Button kind="danger" onClick={() => setDeleting(true)}>
              {t.common.remove}
            </Button>
          </>
        )
      }
    >
      {of.last_error && <p class="callout bad">{of.last_error}</p>}
      <div class="columns even">
        <Card title={t.certificate.details}>
          <Facts>
            <Fact name={t.dns.type}>{TITLES[of.type] ?? words(of.type)}</Fact>
            <Fact name={t.dns.zones}>{of.zones.join(', ') || t.common.none}</Fact>
            <Fact name={t.dns.verified}>
              <DateOf at={of.verified_at} precise />
            </Fact>
            {Object.entries(of.config ?? {}).map(([name, value]) => (
              <Fact key={name} name={words(name)}>
                <code>{typeof value === 'string' ? value : JSON.stringify(value)}</code>
              </Fact>
            ))}
          </Facts>
        </Card>
        {admin && of.type !== 'manual' && <TestCard of={of} reload={reload} />}
      </div>
      {deleting && (
        <Confirm
          title={t.dns.removeTitle(of.name)}
          action={t.common.remove}
          onClose={() => setDeleting(false)}
          anew={() => {
            setDeleting(false);
            reload();
          }}
          send={async () => {
            await call('delete', '/v1/pki/dns-providers/{id}', { path: { id: of.id }, state });
            go(to(['dns']));
          }}
        >
          <p>{t.dns.removeText}</p>
        </Confirm>
      )}
    </Page>
  );
}

export function OneDns({ id }: { id: string }) {
  const data = useLoad(`dns ${id}`, (signal) => see('/v1/pki/dns-providers/{id}', { path: { id }, signal }));
  return <Shown of={data}>{(seen) => <Content seen={seen} reload={data.reload} />}</Shown>;
}
