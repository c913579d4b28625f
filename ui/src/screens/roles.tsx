import { useState } from 'preact/hooks';
import { call, see, type Request, type Schemas, type Seen } from '../api/client';
import { Button, Card, Empty, Fact, Facts, LinkButton, Page, Shown, Table } from '../parts/basics';
import { CaName, type Ca } from '../parts/ca';
import { LiveCheck } from '../parts/check';
import { Confirm, FormOf, LongText, Select, Text, Tick, useForm } from '../parts/form';
import { Pager } from '../parts/pager';
import { notify } from '../lib/files';
import { given, keyName, several } from '../lib/format';
import { allCas } from '../lib/lists';
import { useLoad } from '../lib/load';
import { asked, go, to, usePlace } from '../lib/router';
import { useRights } from '../lib/session';
import { t } from '../texts';

type Role = Schemas['Role'];

const keyOf = (role: Role): string => (role.key_type === 'any' ? t.roles.anyKey : keyName(role.key_type, role.key_bits || (role.key_type === 'rsa' ? 2048 : 256)));

export function Roles() {
  const { admin } = useRights();
  const { query } = usePlace();
  const cursor = asked(query, 'cursor');
  const list = useLoad(`roles ${cursor}`, (signal) => call('get', '/v1/pki/roles', { query: { limit: 100, cursor }, signal }));
  return (
    <Page title={t.roles.title} actions={admin && <LinkButton kind="primary" icon="issue" href={to(['roles', 'new'])}>{t.roles.create}</LinkButton>}>
      <Shown of={list}>
        {(page) => (
          <div class="card flush">
            <Table
              name={t.roles.title}
              rows={page.roles}
              keyOf={(role) => role.id}
              empty={<Empty title={t.roles.none} action={admin && <LinkButton kind="primary" href={to(['roles', 'new'])}>{t.roles.create}</LinkButton>}>{t.roles.noneText}</Empty>}
              columns={[
                { head: t.roles.name, cell: (role) => <a href={to(['roles', role.name])}>{role.name}</a> },
                { head: t.certificate.ca, wide: true, cell: (role) => <CaName id={role.ca_id} plain /> },
                { head: t.roles.domains, cell: (role) => (role.allow_any_name ? t.roles.anyName : role.allowed_domains.slice(0, 3).join(', ') || t.roles.noDomains) },
                { head: t.certificate.key, wide: true, cell: keyOf },
                { head: t.roles.maxTtl, wide: true, cell: (role) => role.max_ttl },
              ]}
            />
            <Pager page={page} path={['roles']} query={query} />
          </div>
        )}
      </Shown>
    </Page>
  );
}

const SWITCHES = ['allow_subdomains', 'allow_bare_domains', 'allow_wildcard_certificates', 'allow_glob_domains', 'allow_any_name', 'allow_localhost', 'allow_ip_sans', 'allow_email_sans'] as const;
const PURPOSES = ['server_flag', 'client_flag', 'require_cn', 'store_private_keys', 'no_store', 'allow_self_renewal'] as const;

type Switches = Record<(typeof SWITCHES)[number] | (typeof PURPOSES)[number], boolean>;
type Values = Switches & Record<'name' | 'ca_id' | 'allowed_domains' | 'allowed_ip_sans_cidr' | 'allowed_uri_sans' | 'key' | 'ttl' | 'max_ttl' | 'organization', string>;

const switches = (of: Switches): Switches => ({
  allow_subdomains: of.allow_subdomains, allow_bare_domains: of.allow_bare_domains, allow_wildcard_certificates: of.allow_wildcard_certificates, allow_glob_domains: of.allow_glob_domains,
  allow_any_name: of.allow_any_name, allow_localhost: of.allow_localhost, allow_ip_sans: of.allow_ip_sans, allow_email_sans: of.allow_email_sans,
  server_flag: of.server_flag, client_flag: of.client_flag, require_cn: of.require_cn, store_private_keys: of.store_private_keys,
  no_store: of.no_store, allow_self_renewal: of.allow_self_renewal,
});

function initial(role: Role | undefined, ca: string): Values {
  if (!role) {
    return {
      name: '', ca_id: ca, allowed_domains: '', allowed_ip_sans_cidr: '', allowed_uri_sans: '', key: 'ec 256', ttl: '30d', max_ttl: '90d', organization: '',
      allow_subdomains: true, allow_bare_domains: false, allow_wildcard_certificates: false, allow_glob_domains: false, allow_any_name: false, allow_localhost: false, allow_ip_sans: false, allow_email_sans: false,
      server_flag: true, client_flag: false, require_cn: true, store_private_keys: false, no_store: false, allow_self_renewal: false,
    };
  }
  return {
    ...switches(role),
    name: role.name, ca_id: role.ca_id, allowed_domains: role.allowed_domains.join('\n'), allowed_ip_sans_cidr: role.allowed_ip_sans_cidr.join('\n'), allowed_uri_sans: role.allowed_uri_sans.join('\n'),
    key: `${role.key_type} ${role.key_bits}`, ttl: role.ttl, max_ttl: role.max_ttl, organization: role.organization.join('\n'),
  };
}

const TYPES = ['ec', 'ed25519', 'rsa', 'any'] as const satisfies Schemas['RoleKeyType'][];

function body(values: Values) {
  const [type, bits = '0'] = values.key.split(' ');
  return {
    ...switches(values),
    ca_id: values.ca_id,
    allowed_domains: several(values.allowed_domains),
    allowed_ip_sans_cidr: several(values.allowed_ip_sans_cidr),
    allowed_uri_sans: several(values.allowed_uri_sans),
    // A name may have commas.
    organization: values.organization.split('\n').map((line) => line.trim()).filter(Boolean),
    key_type: TYPES.find((known) => known === type),
    key_bits: Number(bits),
    ttl: values.ttl.trim(),
    max_ttl: values.max_ttl.trim(),
  };
}

const KEYS = ['ec 256', 'ec 384', 'ec 521', 'ed25519 0', 'rsa 2048', 'rsa 3072', 'rsa 4096', 'any 0'];

function Fields({ seen, cas, done, anew }: { seen?: Seen<Role>; cas: Ca[]; done: (name: string) => void; anew?: () => void }) {
  // What stood here when the editing began: it may be read anew meanwhile.
  const [begun] = useState(seen);
  const role = begun?.of;
  const { query } = usePlace();
  const living = cas.filter((ca) => ca.status === 'active' || ca.id === role?.ca_id);
  const preferred = query.get('ca') ?? living.find((ca) => ca.ca_type === 'intermediate')?.id ?? living[0]?.id ?? '';
  const form = useForm<Values>(initial(role, preferred), async (values) => {
    if (begun) await call('patch', '/v1/pki/roles/{name}', { path: { name: begun.of.name }, body: body(values), state: begun.state });
    else await call('post', '/v1/pki/roles', { body: { name: values.name.trim(), ...body(values) } });
    notify(t.common.saved);
    done(values.name.trim());
  });
  const keys = KEYS.includes(form.v.key) ? KEYS : [form.v.key, ...KEYS];
  return (
    <Card>
      <FormOf form={form} action={role ? t.common.save : t.roles.create} anew={anew}>
        <div class="row">
          {!role && <Text form={form} name="name" label={t.roles.name} hint={t.roles.nameHint} placeholder="web" />}
          <Select form={form} name="ca_id" label={t.roles.ca} choices={living.map((ca) => ({ value: ca.id, text: ca.name }))} />
        </div>
        <LongText form={form} name="allowed_domains" label={t.roles.domains} hint={t.roles.domainsHint} placeholder="example.internal" rows={3} />
        <fieldset class="ticks">
          <legend>{t.roles.whichNames}</legend>
          {SWITCHES.map((name) => (
            <Tick key={name} form={form} name={name} label={t.roles.switches[name] ?? name} />
          ))}
        </fieldset>
        <div class="row three">
          <Select form={form} name="key" label={t.certificate.key} choices={keys.map((key) => { const [type = '', bits] = key.split(' '); return { value: key, text: type === 'any' ? t.roles.anyKey : keyName(type, Number(bits) || 2048) }; })} />
          <Text form={form} name="ttl" label={t.roles.ttl} hint={t.roles.ttlHint} />
          <Text form={form} name="max_ttl" label={t.roles.maxTtl} />
        </div>
        <fieldset class="ticks">
          <legend>{t.roles.purposes}</legend>
          {PURPOSES.map((name) => (
            <Tick key={name} form={form} name={name} label={t.roles.switches[name] ?? name} />
          ))}
        </fieldset>
        <details class="more">
          <summary>{t.common.more}</summary>
          <LongText form={form} name="allowed_ip_sans_cidr" label={t.roles.networks} hint={t.roles.networksHint} rows={2} optional />
          <LongText form={form} name="allowed_uri_sans" label={t.roles.uris} hint={t.roles.urisHint} rows={2} optional />
          <LongText form={form} name="organization" label={t.cas.organization} hint={t.roles.oneALine} rows={2} optional />
        </details>
      </FormOf>
    </Card>
  );
}

export function NewRole() {
  const cas = useLoad('cas', allCas);
  return (
    <Page narrow title={t.roles.create} lead={t.roles.lead} back={{ href: to(['roles']), text: t.roles.title }}>
      <Shown of={cas}>
        {(list) => (list.some((ca) => ca.status === 'active') ? <Fields cas={list} done={(name) => go(to(['roles', name]))} /> : <Empty title={t.cas.none} action={<LinkButton kind="primary" href={to(['cas', 'new'])}>{t.cas.create}</LinkButton>}>{t.roles.needsCa}</Empty>)}
      </Shown>
    </Page>
  );
}

export function EditRole({ name }: { name: string }) {
  const [turn, setTurn] = useState(0);
  const data = useLoad(`edit ${name} ${turn}`, async (signal) => ({ seen: await see('/v1/pki/roles/{name}', { path: { name }, signal }), cas: await allCas(signal) }));
  return (
    <Page narrow title={t.roles.edit(name)} back={{ href: to(['roles', name]), text: name }}>
      <Shown of={data}>{({ seen, cas }) => <Fields key={turn} seen={seen} cas={cas} done={() => go(to(['roles', name]))} anew={() => setTurn(turn + 1)} />}</Shown>
    </Page>
  );
}

function TryIt({ role }: { role: Role }) {
  const form = useForm({ common_name: '', alt_names: '', ip_sans: '', ttl: '' }, async () => undefined);
  const { v } = form;
  const ips = several(v.ip_sans);
  const alt = several(v.alt_names);
  const request: Request<'CheckRoleRequest'> = { common_name: given(v.common_name), alt_names: alt.length ? alt : undefined, ip_sans: ips.length ? ips : undefined, ttl: given(v.ttl) };
  return (
    <Card title={t.roles.tryIt}>
      <p class="hint">{t.roles.tryItText}</p>
      <form class="form" onSubmit={(event) => event.preventDefault()}>
        <Text form={form} name="common_name" label={t.issue.name} placeholder="www.example.internal" />
        <div class="row three">
          <Text form={form} name="alt_names" label={t.issue.more} optional />
          <Text form={form} name="ip_sans" label={t.issue.addresses} optional />
          <Text form={form} name="ttl" label={t.issue.ttl} placeholder={role.ttl} optional />
        </div>
      </form>
      {Object.values(request).some(Boolean) && <LiveCheck role={role.name} request={request} />}
    </Card>
  );
}

function Content({ seen: { of: role, state }, reload }: { seen: Seen<Role>; reload: () => void }) {
  const rights = useRights();
  const [deleting, setDeleting] = useState(false);
  const on = SWITCHES.filter((name) => role[name]).map((name) => t.roles.switches[name]);
  return (
    <Page
      title={role.name}
      back={{ href: to(['roles']), text: t.roles.title }}
      actions={
        <>
          {rights.admin && <Button onClick={() => setDeleting(true)}>{t.common.remove}</Button>}
          {rights.admin && <LinkButton href={to(['roles', role.name, 'edit'])}>{t.common.edit}</LinkButton>}
          {rights.mayIssueUnder(role.name) && <LinkButton kind="primary" icon="issue" href={to(['issue', role.name])}>{t.issue.title}</LinkButton>}
        </>
      }
    >
      <div class="columns even">
        <Card title={t.roles.rules}>
          <Facts>
            <Fact name={t.roles.ca}>
              <CaName id={role.ca_id} plain={!rights.admin} />
            </Fact>
            <Fact name={t.roles.domains}>{role.allow_any_name ? t.roles.anyName : role.allowed_domains.join(', ') || t.roles.noDomains}</Fact>
            <Fact name={t.roles.whichNames}>
              <ul class="plain">
                {on.map((text) => (
                  <li key={text}>{text}</li>
                ))}
              </ul>
            </Fact>
            {role.allowed_ip_sans_cidr.length > 0 && <Fact name={t.roles.networks}>{role.allowed_ip_sans_cidr.join(', ')}</Fact>}
            {role.allowed_uri_sans.length > 0 && <Fact name={t.roles.uris}>{role.allowed_uri_sans.join(', ')}</Fact>}
            <Fact name={t.certificate.key}>{keyOf(role)}</Fact>
            <Fact name={t.roles.ttl}>{role.ttl}</Fact>
            <Fact name={t.roles.maxTtl}>{role.max_ttl}</Fact>
            <Fact name={t.roles.purposes}>{PURPOSES.filter((name) => role[name]).map((name) => t.roles.switches[name]).join(', ') || t.common.none}</Fact>
            <Fact name={t.certificates.title}>
              <a href={to(['certificates'], { role: role.name })}>{t.roles.seeIssued}</a>
            </Fact>
          </Facts>
        </Card>
        <TryIt role={role} />
      </div>
      {deleting && (
        <Confirm
          title={t.roles.removeTitle(role.name)}
          action={t.common.remove}
          onClose={() => setDeleting(false)}
          anew={() => {
            setDeleting(false);
            reload();
          }}
          send={async () => {
            await call('delete', '/v1/pki/roles/{name}', { path: { name: role.name }, state });
            go(to(['roles']));
          }}
        >
          <p>{t.roles.removeText}</p>
        </Confirm>
      )}
    </Page>
  );
}

export function OneRole({ name }: { name: string }) {
  const data = useLoad(`role ${name}`, (signal) => see('/v1/pki/roles/{name}', { path: { name }, signal }));
  return <Shown of={data}>{(seen) => <Content seen={seen} reload={data.reload} />}</Shown>;
}
