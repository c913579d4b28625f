import { useState } from 'preact/hooks';
import { call, type Schemas } from '../api/client';
import { Badge, Button, Card, DateOf, Empty, Fact, Facts, LinkButton, Page, Problem, Shown, Status, Table } from '../parts/basics';
import { Confirm, FormOf, LongText, Select, Text, Tick, useForm } from '../parts/form';
import { Pager } from '../parts/pager';
import { notify } from '../lib/files';
import { several, words } from '../lib/format';
import { asApiError, useLoad } from '../lib/load';
import { PROVIDERS } from '../lib/providers';
import { go, to, usePlace } from '../lib/router';
import { useRights } from '../lib/session';
import type { ApiError } from '../api/client';
import { t } from '../texts';

type Provider = Schemas['DnsProvider'];

export function Dns() {
  const { admin } = useRights();
  const { query } = usePlace();
  const cursor = query.get('cursor');
  const list = useLoad(`dns ${cursor}`, (signal) => call('get', '/v1/pki/dns-providers', { query: { limit: 100, ...(cursor ? { cursor } : {}) }, signal }));
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
                { head: t.dns.type, cell: (row) => PROVIDERS[row.type]?.title ?? row.type },
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

/** The fields of a type, remade when another type is chosen. */
function Fields({ type, name, zones, verify }: { type: string; name: string; zones: string; verify: boolean }) {
  const fields = PROVIDERS[type]?.fields ?? [];
  const form = useForm<Record<string, string>>(Object.fromEntries([...fields.map((field) => [field.name, '']), ['credentials_path', ''], ['propagation', '']]), async (values) => {
    const given = Object.entries(values).flatMap(([field, value]) => (value.trim() ? [[field, field === 'propagation' ? { nameservers: several(value) } : value.trim()]] : []));
    const config = Object.fromEntries(given);
    const made = await call('post', '/v1/pki/dns-providers', { body: { name: name.trim(), type, config, verify, ...(zones.trim() ? { zones: several(zones) } : {}) } as Schemas['CreateDnsProviderRequest'] });
    notify(t.common.saved);
    go(to(['dns', made.id]));
  });
  const credentials = fields.some((field) => field.secret);
  return (
    <FormOf form={form} action={t.dns.create}>
      {fields.map((field) => (
        <Text key={field.name} form={form} name={field.name} label={words(field.name)} type={field.secret ? 'password' : 'text'} autocomplete={field.secret ? 'new-password' : 'off'} mono optional={!field.required} />
      ))}
      {fields.length === 0 && <p class="callout">{t.dns.byHand}</p>}
      {credentials && <Text form={form} name="credentials_path" label={t.dns.path} hint={t.dns.pathHint} mono optional />}
      <Text form={form} name="propagation" label={t.dns.ask} hint={t.dns.askHint} mono optional />
    </FormOf>
  );
}

export function NewDns() {
  const form = useForm({ type: 'manual', name: '', zones: '', verify: true }, async () => undefined);
  const { v } = form;
  return (
    <Page narrow title={t.dns.create} back={{ href: to(['dns']), text: t.dns.title }}>
      <Card>
        <div class="form">
          <div class="row">
            <Select form={form} name="type" label={t.dns.type} choices={Object.entries(PROVIDERS).map(([value, { title }]) => ({ value, text: title }))} />
            <Text form={form} name="name" label={t.dns.name} placeholder="public-zone" />
          </div>
          <LongText form={form} name="zones" label={t.dns.zones} hint={t.dns.zonesHint} rows={2} optional={v.type !== 'manual'} placeholder="example.com" />
          {v.type !== 'manual' && <Tick form={form} name="verify" label={t.dns.verify} />}
        </div>
        <Fields key={v.type} type={v.type} name={v.name} zones={v.zones} verify={v.verify} />
      </Card>
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
      setOutcome(await call('post', '/v1/pki/dns-providers/{id}/test', { path: { id: of.id }, body: zone.trim() ? { zone: zone.trim() } : {} }));
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

function Content({ of, reload }: { of: Provider; reload: () => void }) {
  const { admin } = useRights();
  const [deleting, setDeleting] = useState(false);
  const toggle = () => void call('patch', '/v1/pki/dns-providers/{id}', { path: { id: of.id }, body: { is_active: !of.is_active } as Schemas['UpdateDnsProviderRequest'] }).then(reload, (error: Error) => notify(error.message));
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
            <Fact name={t.dns.type}>{PROVIDERS[of.type]?.title ?? of.type}</Fact>
            <Fact name={t.dns.zones}>{of.zones.join(', ') || t.common.none}</Fact>
            <Fact name={t.dns.verified}>
              <DateOf at={of.verified_at} precise />
            </Fact>
            {Object.entries((of.config ?? {}) as Record<string, unknown>).map(([name, value]) => (
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
          send={async () => {
            await call('delete', '/v1/pki/dns-providers/{id}', { path: { id: of.id } });
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
  const data = useLoad(`dns ${id}`, (signal) => call('get', '/v1/pki/dns-providers/{id}', { path: { id }, signal }));
  return <Shown of={data}>{(of) => <Content of={of} reload={data.reload} />}</Shown>;
}
