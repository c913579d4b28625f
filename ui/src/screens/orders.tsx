import { useState } from 'preact/hooks';
import { call, type Schemas } from '../api/client';
import { Button, Card, CertificateLink, Code, DateOf, Empty, Fact, Facts, LinkButton, Page, Shown, Status, Table, Tabs } from '../parts/basics';
import { Confirm, Dialog, FormOf, LongText, Select, Text, Tick, useForm } from '../parts/form';
import { Pager } from '../parts/pager';
import { notify } from '../lib/files';
import { given, several } from '../lib/format';
import { allAccounts, allProviders } from '../lib/lists';
import { useLoad } from '../lib/load';
import { asked, go, to, usePlace } from '../lib/router';
import { useRights } from '../lib/session';
import { t } from '../texts';

type Order = Schemas['AcmeOrder'];
type Challenge = Schemas['AcmeChallenge'];

const ended = (order: Order): boolean => order.status === 'valid' || order.status === 'invalid';

export function Orders() {
  const { query } = usePlace();
  const { unlimited } = useRights();
  const status = asked<Schemas['OrderStatus']>(query, 'status');
  const cursor = asked(query, 'cursor');
  const list = useLoad(`orders ${status} ${cursor}`, (signal) => call('get', '/v1/pki/acme/orders', { query: { limit: 50, status, cursor }, signal }), 10_000, ['order.']);
  return (
    <Page title={t.orders.title} actions={unlimited && <LinkButton kind="primary" icon="issue" href={to(['orders', 'new'])}>{t.orders.create}</LinkButton>}>
      <Tabs label={t.common.status} at={status ?? ''} choices={['', 'pending', 'processing', 'valid', 'invalid'].map((value) => ({ value, text: value ? t.orders.states[value] ?? value : t.common.all, href: to(['orders'], { status: value }) }))} />
      <Shown of={list}>
        {(page) => (
          <div class="card flush">
            <Table
              name={t.orders.title}
              rows={page.orders}
              keyOf={(order) => order.id}
              empty={<Empty title={t.orders.none} action={unlimited && !status && <LinkButton kind="primary" href={to(['orders', 'new'])}>{t.orders.create}</LinkButton>}>{t.orders.noneText}</Empty>}
              columns={[
                { head: t.certificate.names, cell: (order) => <a href={to(['orders', order.id])}>{order.domains.slice(0, 2).join(', ')}{order.domains.length > 2 ? ` ${t.certificates.more(order.domains.length - 2)}` : ''}</a> },
                { head: t.orders.challenge, wide: true, cell: (order) => order.challenge_type },
                { head: t.orders.cause, wide: true, cell: (order) => t.orders.causes[order.cause] ?? order.cause },
                { head: t.orders.begun, wide: true, cell: (order) => <DateOf at={order.created_at} precise /> },
                { head: t.common.status, cell: (order) => <Status of={order.status} /> },
              ]}
            />
            <Pager page={page} path={['orders']} query={query} />
          </div>
        )}
      </Shown>
    </Page>
  );
}

const CHALLENGES = ['http-01', 'dns-01', 'tls-alpn-01'] as const satisfies Schemas['ChallengeType'][];
const STEPS = ['waiting', 'published', 'propagating', 'submitted', 'validated', 'cleaned_up'];

function Steps({ of }: { of: Challenge }) {
  const at = STEPS.indexOf(of.progress);
  const failed = of.status === 'invalid';
  return (
    <ol class="progress" aria-label={t.orders.progress}>
      {STEPS.map((step, index) => {
        const state = failed && index === at ? 'failed' : index < at || (of.status === 'valid' && index <= at) ? 'past' : index === at ? 'now' : 'ahead';
        return (
          <li key={step} class={state} aria-current={index === at ? 'step' : undefined}>
            {t.orders.steps[step] ?? step}
          </li>
        );
      })}
    </ol>
  );
}

function OneChallenge({ of }: { of: Challenge }) {
  return (
    <Card title={of.wildcard ? `*.${of.identifier}` : of.identifier} actions={<Status of={of.status} />}>
      <Steps of={of} />
      {of.error && <p class="callout bad">{of.error.message}</p>}
      {of.note && of.note !== of.error?.message && <p class="hint">{of.note}</p>}
      <Facts>
        <Fact name={t.orders.challenge}>{of.type}</Fact>
        {of.dns_record && (
          <>
            <Fact name={t.orders.recordName}>
              <Code what={t.orders.recordName}>{of.dns_record.name}</Code>
            </Fact>
            <Fact name={t.orders.recordType}>{of.dns_record.type}</Fact>
            <Fact name={t.orders.recordValue}>
              <Code what={t.orders.recordValue}>{of.dns_record.value}</Code>
            </Fact>
          </>
        )}
        {of.http_path && (
          <Fact name={t.orders.path}>
            <Code what={t.orders.path}>{of.http_path}</Code>
          </Fact>
        )}
        {of.http_path && (
          <Fact name={t.orders.answer}>
            <Code what={t.orders.answer}>{of.key_authorization}</Code>
          </Fact>
        )}
        {of.next_attempt_at && (
          <Fact name={t.orders.next}>
            <DateOf at={of.next_attempt_at} precise />
          </Fact>
        )}
      </Facts>
    </Card>
  );
}

function Content({ of, reload }: { of: Order; reload: () => void }) {
  const { unlimited } = useRights();
  const [busy, setBusy] = useState(false);
  const [cancelling, setCancelling] = useState(false);
  const account = useLoad(`account ${of.account_id}`, (signal) => call('get', '/v1/pki/acme/accounts/{id}', { path: { id: of.account_id }, signal }));
  const refresh = () => {
    setBusy(true);
    call('post', '/v1/pki/acme/orders/{id}/refresh', { path: { id: of.id } })
      .then(() => notify(t.orders.refreshed), (error: Error) => notify(error.message))
      .finally(() => {
        setBusy(false);
        reload();
      });
  };
  return (
    <Page
      title={of.domains[0] ?? of.id}
      back={{ href: to(['orders']), text: t.orders.title }}
      badge={<Status of={of.status} />}
      actions={
        unlimited &&
        !ended(of) && (
          <>
            <Button onClick={() => setCancelling(true)}>{t.orders.cancel}</Button>
            <Button kind="primary" icon="order" busy={busy} onClick={refresh}>
              {t.orders.refresh}
            </Button>
          </>
        )
      }
    >
      {of.error && <p class="callout bad">{of.error.message}</p>}
      <Card title={t.certificate.details}>
        <Facts>
          <Fact name={t.certificate.names}>{of.domains.join(', ')}</Fact>
          <Fact name={t.orders.state}>{t.orders.at[of.state] ?? of.state}</Fact>
          <Fact name={t.orders.cause}>{t.orders.causes[of.cause] ?? of.cause}</Fact>
          <Fact name={t.orders.account}>
            <a href={to(['accounts'])}>{account.data?.name ?? of.account_id}</a>
          </Fact>
          <Fact name={t.orders.begun}>
            <DateOf at={of.created_at} precise />
          </Fact>
          {of.next_attempt_at && !ended(of) && (
            <Fact name={t.orders.next}>
              <DateOf at={of.next_attempt_at} precise />
            </Fact>
          )}
          <Fact name={t.orders.autoRenew}>{of.auto_renew ? t.common.yes : t.common.no}</Fact>
          {of.certificate_id && (
            <Fact name={t.certificate.one}>
              <CertificateLink id={of.certificate_id}>{t.orders.see}</CertificateLink>
            </Fact>
          )}
        </Facts>
      </Card>
      {of.challenges.map((challenge) => (
        <OneChallenge key={challenge.id} of={challenge} />
      ))}
      {of.challenges.length === 0 && !ended(of) && <p class="faint">{t.orders.noChallenges}</p>}
      {cancelling && (
        <Confirm
          title={t.orders.cancel}
          action={t.orders.cancel}
          onClose={() => setCancelling(false)}
          send={async () => {
            await call('delete', '/v1/pki/acme/orders/{id}', { path: { id: of.id } });
            reload();
          }}
        >
          <p>{t.orders.cancelText}</p>
        </Confirm>
      )}
    </Page>
  );
}

export function OneOrder({ id }: { id: string }) {
  const [open, setOpen] = useState(true);
  const data = useLoad(`order ${id}`, (signal) => call('get', '/v1/pki/acme/orders/{id}', { path: { id }, signal }), open ? 2000 : 0, [id]);
  const going = data.data ? !ended(data.data) : true;
  if (going !== open) setOpen(going);
  return <Shown of={data}>{(of) => <Content of={of} reload={data.reload} />}</Shown>;
}

function Ask({ accounts, providers }: { accounts: Schemas['AcmeAccount'][]; providers: Schemas['DnsProvider'][] }) {
  const form = useForm({ account_id: accounts[0]?.id ?? '', domains: '', challenge_type: '', dns_provider_id: '', auto_renew: true }, async (values) => {
    const order = await call('post', '/v1/pki/acme/issue', {
      body: {
        account_id: values.account_id,
        domains: several(values.domains),
        auto_renew: values.auto_renew,
        challenge_type: CHALLENGES.find((known) => known === values.challenge_type),
        dns_provider_id: given(values.dns_provider_id),
      },
    });
    go(to(['orders', order.id]));
  });
  const dns = form.v.challenge_type !== 'http-01' && form.v.challenge_type !== 'tls-alpn-01';
  return (
    <Card>
      <FormOf form={form} action={t.orders.create}>
        <Select form={form} name="account_id" label={t.orders.account} choices={accounts.map((account) => ({ value: account.id, text: account.name }))} />
        <LongText form={form} name="domains" label={t.certificate.names} hint={t.orders.namesHint} placeholder="www.example.com" rows={3} />
        <div class="row">
          <Select form={form} name="challenge_type" label={t.orders.challenge} choices={[{ value: '', text: t.orders.automatic }, ...CHALLENGES.map((value) => ({ value, text: value }))]} />
          {dns && <Select form={form} name="dns_provider_id" label={t.dns.one} choices={[{ value: '', text: t.orders.bestProvider }, ...providers.map((provider) => ({ value: provider.id, text: provider.name }))]} />}
        </div>
        <Tick form={form} name="auto_renew" label={t.orders.autoRenew} />
      </FormOf>
    </Card>
  );
}

export function NewOrder() {
  const { admin } = useRights();
  const data = useLoad('new order', async (signal) => ({
    accounts: (await allAccounts(signal)).filter((account) => account.status === 'valid'),
    providers: await allProviders(signal),
  }));
  return (
    <Page narrow title={t.orders.create} back={{ href: to(['orders']), text: t.orders.title }}>
      <Shown of={data}>
        {({ accounts, providers }) => (accounts.length > 0 ? <Ask accounts={accounts} providers={providers} /> : <Empty title={t.accounts.none} action={admin && <LinkButton kind="primary" href={to(['accounts'], { new: 'yes' })}>{t.accounts.create}</LinkButton>}>{t.accounts.noneText}</Empty>)}
      </Shown>
    </Page>
  );
}

const SERVERS = ['letsencrypt', 'zerossl', 'buypass', 'google', 'custom'] as const satisfies Schemas['AcmeProvider'][];
const ENVIRONMENTS = ['production', 'staging'] as const satisfies Schemas['AcmeEnvironment'][];
type Account = { provider: Schemas['AcmeProvider']; environment: Schemas['AcmeEnvironment'] } & Record<'name' | 'directory_url' | 'email' | 'eab_kid' | 'eab_hmac_key', string>;

function NewAccount({ onClose, onDone }: { onClose: () => void; onDone: () => void }) {
  const form = useForm<Account>({ name: '', provider: 'letsencrypt', environment: 'production', directory_url: '', email: '', eab_kid: '', eab_hmac_key: '' }, async (values) => {
    await call('post', '/v1/pki/acme/accounts', {
      body: {
        name: values.name.trim(),
        provider: values.provider,
        environment: values.provider === 'custom' ? undefined : values.environment,
        directory_url: given(values.directory_url),
        email: given(values.email),
        eab_kid: given(values.eab_kid),
        eab_hmac_key: given(values.eab_hmac_key),
      },
    });
    notify(t.common.saved);
    onDone();
    onClose();
  });
  const custom = form.v.provider === 'custom';
  return (
    <Dialog title={t.accounts.create} onClose={onClose}>
      <FormOf form={form} action={t.accounts.create} more={<Button onClick={onClose}>{t.common.cancel}</Button>}>
        <Text form={form} name="name" label={t.accounts.name} placeholder="letsencrypt" />
        <Select form={form} name="provider" label={t.accounts.provider} choices={SERVERS.map((value) => ({ value, text: t.accounts.providers[value] ?? value }))} />
        {custom ? <Text form={form} name="directory_url" type="url" label={t.accounts.directory} placeholder="https://acme.example.com/directory" mono /> : <Select form={form} name="environment" label={t.accounts.environment} choices={ENVIRONMENTS.map((value) => ({ value, text: value }))} />}
        <Text form={form} name="email" type="email" label={t.accounts.email} optional />
        {form.v.provider !== 'letsencrypt' && (
          <div class="row">
            <Text form={form} name="eab_kid" label={t.accounts.eabKid} optional />
            <Text form={form} name="eab_hmac_key" type="password" label={t.accounts.eabKey} optional />
          </div>
        )}
        <p class="hint">{t.accounts.terms}</p>
      </FormOf>
    </Dialog>
  );
}

export function Accounts() {
  const { admin } = useRights();
  const { query } = usePlace();
  const [adding, setAdding] = useState(query.get('new') !== null && admin);
  const [ending, setEnding] = useState<Schemas['AcmeAccount']>();
  const cursor = asked(query, 'cursor');
  const list = useLoad(`accounts ${cursor}`, (signal) => call('get', '/v1/pki/acme/accounts', { query: { limit: 100, cursor }, signal }));
  return (
    <Page title={t.accounts.title} actions={admin && <Button kind="primary" icon="issue" onClick={() => setAdding(true)}>{t.accounts.create}</Button>}>
      <Shown of={list}>
        {(page) => (
          <div class="card flush">
            <Table
              name={t.accounts.title}
              rows={page.accounts}
              keyOf={(account) => account.id}
              empty={<Empty title={t.accounts.none}>{t.accounts.noneText}</Empty>}
              columns={[
                { head: t.accounts.name, cell: (account) => account.name },
                { head: t.accounts.provider, wide: true, cell: (account) => `${t.accounts.providers[account.provider] ?? account.provider}${account.environment === 'staging' ? ` (${account.environment})` : ''}` },
                { head: t.accounts.directory, wide: true, cell: (account) => <code class="id">{account.directory_url}</code> },
                { head: t.common.status, cell: (account) => <Status of={account.status} /> },
                ...(admin ? [{ head: t.common.actions, hiddenHead: true, cell: (account: Schemas['AcmeAccount']) => (account.status === 'deactivated' ? '' : <Button kind="quiet" onClick={() => setEnding(account)}>{t.accounts.end}</Button>) }] : []),
              ]}
            />
            <Pager page={page} path={['accounts']} query={query} />
          </div>
        )}
      </Shown>
      {adding && <NewAccount onClose={() => setAdding(false)} onDone={list.reload} />}
      {ending && (
        <Confirm
          title={t.accounts.endTitle(ending.name)}
          action={t.accounts.end}
          onClose={() => setEnding(undefined)}
          send={async () => {
            await call('delete', '/v1/pki/acme/accounts/{id}', { path: { id: ending.id } });
            list.reload();
          }}
        >
          <p>{t.accounts.endText}</p>
        </Confirm>
      )}
    </Page>
  );
}
