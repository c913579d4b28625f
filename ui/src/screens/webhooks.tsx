import { useState } from 'preact/hooks';
import { call, see, type ApiError, type Schemas, type Seen } from '../api/client';
import { Badge, Block, Button, Card, DateOf, Empty, Fact, Facts, Page, Problem, Shown, Status, Table } from '../parts/basics';
import { Confirm, Dialog, FormOf, LongText, Select, Text, useForm } from '../parts/form';
import { Pager } from '../parts/pager';
import { notify } from '../lib/files';
import { given, several, words } from '../lib/format';
import { asApiError, useLoad } from '../lib/load';
import { asked, go, to, usePlace } from '../lib/router';
import { t } from '../texts';
import { Subject } from './operation';

type Webhook = Schemas['Webhook'];

const FORMATS = ['certmill', 'cloudevents', 'slack'] as const satisfies Schemas['WebhookFormat'][];
type Format = (typeof FORMATS)[number];

/** A secret, which is shown this once. */
function Secret({ text, onClose }: { text: string; onClose: () => void }) {
  return (
    <Dialog title={t.webhooks.secret} onClose={onClose}>
      <p class="callout warn">{t.webhooks.once}</p>
      <Block what={t.webhooks.secret}>{text}</Block>
      <Button onClick={onClose}>{t.common.close}</Button>
    </Dialog>
  );
}

function NewWebhook({ onClose, onMade }: { onClose: () => void; onMade: (made: Schemas['WebhookWithSecret']) => void }) {
  const form = useForm<{ format: Format } & Record<'name' | 'url' | 'events' | 'secret', string>>({ name: '', url: '', events: '*', format: 'certmill', secret: '' }, async (values) => {
    onMade(await call('post', '/v1/webhooks', { body: { name: values.name.trim(), url: values.url.trim(), events: several(values.events), format: values.format, secret: given(values.secret) } }));
  });
  return (
    <Dialog title={t.webhooks.create} onClose={onClose}>
      <FormOf form={form} action={t.webhooks.create} more={<Button onClick={onClose}>{t.common.cancel}</Button>}>
        <Text form={form} name="name" label={t.webhooks.name} placeholder="pager" />
        <Text form={form} name="url" type="url" label={t.webhooks.url} hint={t.webhooks.urlHint} placeholder="https://hooks.example.com/pki" />
        <LongText form={form} name="events" label={t.events.title} hint={t.webhooks.eventsHint} rows={3} mono placeholder="certificate.*" />
        <Select form={form} name="format" label={t.webhooks.format} choices={FORMATS.map((value) => ({ value, text: t.webhooks.formats[value] ?? value }))} />
        <Text form={form} name="secret" type="password" label={t.webhooks.secret} hint={t.webhooks.secretHint} autocomplete="new-password" optional />
      </FormOf>
    </Dialog>
  );
}

function StateOf({ webhook }: { webhook: Webhook }) {
  if (!webhook.is_active) return <Badge>{t.dns.off}</Badge>;
  return webhook.last_error ? <Badge tone="bad">{t.dns.failing}</Badge> : <Status of="active" />;
}

export function Webhooks() {
  const { query } = usePlace();
  const cursor = asked(query, 'cursor');
  const list = useLoad(`webhooks ${cursor}`, (signal) => call('get', '/v1/webhooks', { query: { limit: 100, cursor }, signal }), 0, ['webhook.']);
  const [adding, setAdding] = useState(false);
  const [made, setMade] = useState<Schemas['WebhookWithSecret']>();
  const create = (
    <Button kind="primary" icon="issue" onClick={() => setAdding(true)}>
      {t.webhooks.create}
    </Button>
  );
  return (
    <Page title={t.webhooks.title} lead={t.webhooks.lead} actions={create}>
      <Shown of={list}>
        {(page) => (
          <div class="card flush">
            <Table
              name={t.webhooks.title}
              rows={page.webhooks}
              keyOf={(webhook) => webhook.id}
              empty={<Empty title={t.webhooks.none}>{t.webhooks.noneText}</Empty>}
              columns={[
                { head: t.webhooks.name, cell: (webhook) => <><a href={to(['webhooks', webhook.id])}>{webhook.name}</a>{webhook.last_error && <p class="bad-text clamp" title={webhook.last_error}>{webhook.last_error}</p>}</> },
                { head: t.webhooks.url, wide: true, cell: (webhook) => <code class="id" title={webhook.url}>{webhook.url}</code> },
                { head: t.events.title, wide: true, cell: (webhook) => webhook.events.join(', ') },
                { head: t.webhooks.delivered, wide: true, cell: (webhook) => <DateOf at={webhook.delivered_at} precise /> },
                { head: t.common.status, cell: (webhook) => <StateOf webhook={webhook} /> },
              ]}
            />
            <Pager page={page} path={['webhooks']} query={query} />
          </div>
        )}
      </Shown>
      {adding && (
        <NewWebhook
          onClose={() => setAdding(false)}
          onMade={(webhook) => {
            setAdding(false);
            list.reload();
            if (webhook.secret) setMade(webhook);
            else go(to(['webhooks', webhook.id]));
          }}
        />
      )}
      {made?.secret && <Secret text={made.secret} onClose={() => go(to(['webhooks', made.id]))} />}
    </Page>
  );
}

function TestCard({ of, reload }: { of: Webhook; reload: () => void }) {
  const [outcome, setOutcome] = useState<Schemas['WebhookTest']>();
  const [error, setError] = useState<ApiError>();
  const form = useForm({}, async () => {
    setOutcome(undefined);
    setError(undefined);
    try {
      setOutcome(await call('post', '/v1/webhooks/{id}/test', { path: { id: of.id } }));
    } catch (cause) {
      setError(asApiError(cause));
    }
    reload();
  });
  return (
    <Card title={t.dns.test}>
      <p class="hint">{t.webhooks.testText}</p>
      <FormOf form={form} action={t.dns.testAction} />
      <div aria-live="polite">
        {error && <Problem error={error} />}
        {outcome && <p class={outcome.succeeded ? 'verdict good' : 'verdict bad'}>{outcome.succeeded ? t.webhooks.worked(outcome.status ?? 0, outcome.elapsed_ms) : (outcome.error ?? t.dns.didNot)}</p>}
      </div>
    </Card>
  );
}

function Deliveries({ of }: { of: Webhook }) {
  const { query } = usePlace();
  const cursor = asked(query, 'cursor');
  const list = useLoad(`deliveries ${of.id} ${cursor}`, (signal) => call('get', '/v1/webhooks/{id}/deliveries', { path: { id: of.id }, query: { limit: 20, cursor }, signal }), 5_000);
  const again = (delivery: Schemas['WebhookDelivery']) =>
    call('post', '/v1/webhooks/{id}/deliveries/{delivery_id}/redeliver', { path: { id: of.id, delivery_id: delivery.id } }).then(
      () => {
        notify(t.webhooks.sentAgain);
        list.reload();
      },
      (error: Error) => notify(error.message),
    );
  return (
    <Card title={t.webhooks.deliveries} flush>
      <Shown of={list}>
        {(page) => (
          <>
            <Table
              name={t.webhooks.deliveries}
              rows={page.deliveries}
              keyOf={(delivery) => delivery.id}
              empty={<Empty title={t.webhooks.noDeliveries} />}
              columns={[
                { head: t.events.what, cell: (delivery) => <>{words(delivery.event_type)}{delivery.last_error && <p class="bad-text clamp" title={delivery.last_error}>{delivery.last_error}</p>}</> },
                { head: t.audit.object, wide: true, cell: (delivery) => <Subject id={delivery.object} /> },
                { head: t.jobs.attempts, wide: true, number: true, cell: (delivery) => delivery.attempts },
                { head: t.jobs.due, wide: true, cell: (delivery) => <DateOf at={delivery.finished_at ?? delivery.next_attempt_at} precise /> },
                { head: t.common.status, cell: (delivery) => <Status of={delivery.state} /> },
                { head: t.common.actions, hiddenHead: true, cell: (delivery) => (delivery.state === 'waiting' ? '' : <Button kind="quiet" label={t.webhooks.againOf(words(delivery.event_type))} onClick={() => void again(delivery)}>{t.webhooks.again}</Button>) },
              ]}
            />
            <Pager page={page} path={['webhooks', of.id]} query={query} />
          </>
        )}
      </Shown>
    </Card>
  );
}

function Content({ seen: { of, state }, reload }: { seen: Seen<Webhook>; reload: () => void }) {
  const [deleting, setDeleting] = useState(false);
  const [rotating, setRotating] = useState(false);
  const [secret, setSecret] = useState<string>();
  const change = (body: { is_active?: boolean; rotate_secret?: boolean }) => call('patch', '/v1/webhooks/{id}', { path: { id: of.id }, body, state });
  const toggle = () => void change({ is_active: !of.is_active }).catch((cause: unknown) => notify(asApiError(cause).message)).finally(reload);
  return (
    <Page
      title={of.name}
      back={{ href: to(['webhooks']), text: t.webhooks.title }}
      badge={<StateOf webhook={of} />}
      actions={
        <>
          <Button onClick={toggle}>{of.is_active ? t.dns.turnOff : t.dns.turnOn}</Button>
          <Button onClick={() => setRotating(true)}>{t.webhooks.rotate}</Button>
          <Button kind="danger" onClick={() => setDeleting(true)}>
            {t.common.remove}
          </Button>
        </>
      }
    >
      {of.last_error && <p class="callout bad">{of.last_error}</p>}
      <div class="columns even">
        <Card title={t.certificate.details}>
          <Facts>
            <Fact name={t.webhooks.url}>
              <code>{of.url}</code>
            </Fact>
            <Fact name={t.events.title}>{of.events.join(', ')}</Fact>
            <Fact name={t.webhooks.format}>{t.webhooks.formats[of.format] ?? of.format}</Fact>
            {of.filters.ca_ids.length > 0 && <Fact name={t.cas.title}>{of.filters.ca_ids.map((id) => <Subject key={id} id={id} />)}</Fact>}
            {of.filters.roles.length > 0 && <Fact name={t.roles.title}>{of.filters.roles.join(', ')}</Fact>}
            {Object.keys(of.filters.tags).length > 0 && <Fact name={t.certificate.tags}>{Object.entries(of.filters.tags).map(([key, value]) => `${key}:${value}`).join(', ')}</Fact>}
            <Fact name={t.webhooks.delivered}>
              <DateOf at={of.delivered_at} precise />
            </Fact>
            {of.previous_secret_until && (
              <Fact name={t.webhooks.previous}>
                <DateOf at={of.previous_secret_until} precise />
              </Fact>
            )}
          </Facts>
        </Card>
        <TestCard of={of} reload={reload} />
      </div>
      <Deliveries of={of} />
      {rotating && (
        <Confirm
          title={t.webhooks.rotate}
          action={t.webhooks.rotate}
          onClose={() => setRotating(false)}
          anew={() => {
            setRotating(false);
            reload();
          }}
          send={async () => {
            setSecret((await change({ rotate_secret: true })).secret ?? undefined);
            reload();
          }}
        >
          <p>{t.webhooks.rotateText}</p>
        </Confirm>
      )}
      {secret && <Secret text={secret} onClose={() => setSecret(undefined)} />}
      {deleting && (
        <Confirm
          title={t.webhooks.removeTitle(of.name)}
          action={t.common.remove}
          onClose={() => setDeleting(false)}
          anew={() => {
            setDeleting(false);
            reload();
          }}
          send={async () => {
            await call('delete', '/v1/webhooks/{id}', { path: { id: of.id }, state });
            go(to(['webhooks']));
          }}
        >
          <p>{t.webhooks.removeText}</p>
        </Confirm>
      )}
    </Page>
  );
}

export function OneWebhook({ id }: { id: string }) {
  const data = useLoad(`webhook ${id}`, (signal) => see('/v1/webhooks/{id}', { path: { id }, signal }), 5_000);
  return <Shown of={data}>{(seen) => <Content seen={seen} reload={data.reload} />}</Shown>;
}
