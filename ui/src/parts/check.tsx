import { call, type Request, type Schemas } from '../api/client';
import { Badge, DateOf, Fact, Facts, Problem, Status } from './basics';
import { allNames, keyName, spaced, words } from '../lib/format';
import { useLoad, useSettled } from '../lib/load';
import { Icon } from './icons';
import { t } from '../texts';

/** What was asked, to be compared with what would be issued. */
interface Wish {
  subject: string;
  names: string[];
}

const same = (one: string[], other: string[]): boolean => [...one].sort().join() === [...other].sort().join();
const attributes = (subject: string): string[] => subject.split(',').map((part) => part.trim()).filter(Boolean);

function Differs({ when }: { when: boolean }) {
  return when ? <> <Badge tone="warn">{t.roles.differs}</Badge></> : null;
}

function WouldIssue({ of, wish }: { of: Schemas['WouldIssue']; wish: Wish | undefined }) {
  return (
    <Facts>
      <Fact name={t.certificate.subject}>
        {spaced(of.subject) || t.common.none}
        <Differs when={wish !== undefined && !same(attributes(wish.subject), attributes(of.subject))} />
      </Fact>
      <Fact name={t.certificate.names}>
        {allNames(of.sans).join(', ') || t.common.none}
        <Differs when={wish !== undefined && !same(wish.names, allNames(of.sans))} />
      </Fact>
      <Fact name={t.certificate.key}>{keyName(of.key_type, of.key_size)}</Fact>
      <Fact name={t.certificate.usage}>{[...of.key_usage, ...of.ext_key_usage].map((usage) => usage.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase()).join(', ')}</Fact>
      <Fact name={t.certificates.ends}>
        <DateOf at={of.not_after} precise />
      </Fact>
      <Fact name={t.certificate.stored}>{of.store_private_key ? t.common.yes : t.common.no}</Fact>
    </Facts>
  );
}

function Rules({ of }: { of: Schemas['RuleVerdict'][] }) {
  return (
    <ul class="rules">
      {of.map((rule, index) => (
        <li key={`${rule.rule} ${index}`} class={rule.verdict}>
          <Status of={rule.verdict} />
          <div>
            <strong>{words(rule.rule)}</strong>
            {rule.value && <code>{rule.value}</code>}
            <p class="hint">{rule.reason}</p>
          </div>
        </li>
      ))}
    </ul>
  );
}

/** What a role says of a request, while it is being written. `brief` shows the rules that refuse it alone. */
export function LiveCheck({ role, request, brief, wish }: { role: string; request: Request<'CheckRoleRequest'>; brief?: boolean; wish?: Wish }) {
  const settled = useSettled(request);
  const key = `check ${role} ${JSON.stringify(settled)}`;
  const check = useLoad(key, (signal) => call('post', '/v1/pki/roles/{name}/check', { path: { name: role }, body: settled, signal }));
  const data = check.data;
  if (check.error && !data) return <Problem error={check.error} />;
  if (!data) return <div class="loading small" role="status"><span class="sr">{t.common.loading}</span></div>;
  // A name that is both common name and alternative name is judged twice, in the same words.
  const told = new Map(data.rules.map((rule) => [`${rule.rule} ${rule.value} ${rule.verdict} ${rule.reason}`, rule]));
  const those = (verdict: string) => [...told.values()].filter((rule) => rule.verdict === verdict);
  const [refusing, permitting, silent] = [those('refused'), those('permitted'), those('not_applicable')];
  return (
    <div class="check" aria-live="polite">
      <p class={data.allowed ? 'verdict good' : 'verdict bad'}>
        <Icon name={data.allowed ? 'check' : 'cross'} />
        {data.allowed ? t.roles.allowed : t.roles.refused}
      </p>
      {data.would_issue && <WouldIssue of={data.would_issue} wish={wish} />}
      {refusing.length > 0 && <Rules of={refusing} />}
      {!brief && permitting.length > 0 && (
        <details class="more">
          <summary>{t.roles.permitting(permitting.length)}</summary>
          <Rules of={permitting} />
        </details>
      )}
      {!brief && silent.length > 0 && (
        <details class="more">
          <summary>{t.roles.notAsked(silent.length)}</summary>
          <Rules of={silent} />
        </details>
      )}
    </div>
  );
}
