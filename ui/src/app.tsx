import type { JSX } from 'preact';
import { Shell } from './parts/shell';
import { useLive } from './lib/live';
import { usePlace } from './lib/router';
import { useRights, useSession, type Rights } from './lib/session';
import { Anchors, Nowhere, Secrets, Tokens } from './screens/access';
import { Cas, NewCa, OneCa } from './screens/cas';
import { Certificate } from './screens/certificate';
import { Certificates } from './screens/certificates';
import { Desk, NewCsr, OneCsr } from './screens/desk';
import { Dns, NewDns, OneDns } from './screens/dns';
import { Events } from './screens/events';
import { Import } from './screens/imports';
import { Issue } from './screens/issue';
import { Audit, Jobs } from './screens/operation';
import { Accounts, NewOrder, OneOrder, Orders } from './screens/orders';
import { Overview } from './screens/overview';
import { EditRole, NewRole, OneRole, Roles } from './screens/roles';
import { SignIn } from './screens/signin';
import { OneWebhook, Webhooks } from './screens/webhooks';

/** The screen of a place; nothing where there is none, or where the token may not do what it is for. */
function screen([first = '', second, third]: string[], { issue, unlimited, admin }: Rights): JSX.Element | undefined {
  const isNew = second === 'new';
  switch (first) {
    case '':
      return <Overview />;
    case 'certificates':
      if (second === 'import') return admin ? <Import /> : undefined;
      return second ? <Certificate id={second} /> : <Certificates />;
    case 'issue':
      return issue ? <Issue role={second} /> : undefined;
    case 'desk':
      if (isNew) return unlimited ? <NewCsr /> : undefined;
      return second ? <OneCsr id={second} /> : <Desk />;
    case 'cas':
      if (second && !isNew) return <OneCa id={second} />;
      return admin ? isNew ? <NewCa /> : <Cas /> : undefined;
    case 'roles':
      if (isNew) return admin ? <NewRole /> : undefined;
      if (second && third === 'edit') return admin ? <EditRole name={second} /> : undefined;
      return second ? <OneRole name={second} /> : <Roles />;
    case 'orders':
      if (isNew) return unlimited ? <NewOrder /> : undefined;
      return second ? <OneOrder id={second} /> : <Orders />;
    case 'accounts':
      return <Accounts />;
    case 'dns':
      if (isNew) return admin ? <NewDns /> : undefined;
      return second ? <OneDns id={second} /> : <Dns />;
    case 'anchors':
      return <Anchors admin={admin} />;
    case 'events':
      return <Events />;
    case 'webhooks':
      if (!admin) return undefined;
      return second ? <OneWebhook id={second} /> : <Webhooks />;
    case 'jobs':
      return admin ? <Jobs /> : undefined;
    case 'audit':
      return admin ? <Audit /> : undefined;
    case 'tokens':
      return admin ? <Tokens /> : undefined;
    case 'secrets':
      return admin ? <Secrets /> : undefined;
    default:
      return undefined;
  }
}

export function App() {
  const { who, round } = useSession();
  const { path } = usePlace();
  const rights = useRights();
  useLive(who?.token_id, round);
  if (!who) return <SignIn />;
  const shown = screen(path, rights);
  return (
    <Shell>
      <div key={path.join('/')}>{shown ?? <Nowhere />}</div>
    </Shell>
  );
}
