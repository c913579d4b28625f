import { useState } from 'preact/hooks';
import { call, see, type Schemas } from '../api/client';
import { notify } from '../lib/files';
import { allNames } from '../lib/format';
import { asApiError } from '../lib/load';
import { t } from '../texts';
import { Button } from './basics';
import { RevocationReason, type Reason } from './certificate';
import { Dialog, FormOf, Text, useForm } from './form';

type Certificate = Schemas['Certificate'];

/** What is done to one certificate after the other, and what did not work. */
function useSeries(rows: Certificate[], onDone: () => void): { done: number; failed: string[]; run(act: (row: Certificate) => Promise<unknown>): Promise<void> } {
  const [done, setDone] = useState(0);
  const [failed, setFailed] = useState<string[]>([]);
  return {
    done,
    failed,
    async run(act) {
      const wrong: string[] = [];
      for (const [index, row] of rows.entries()) {
        try {
          await act(row);
        } catch (cause) {
          wrong.push(`${row.common_name ?? row.id}: ${asApiError(cause).message}`);
        }
        setDone(index + 1);
      }
      setFailed(wrong);
      notify(t.bulk.done(rows.length - wrong.length));
      onDone();
    },
  };
}

function Preview({ rows, series }: { rows: Certificate[]; series: { done: number; failed: string[] } }) {
  return (
    <>
      <ul class="preview" aria-label={t.bulk.preview} tabIndex={0}>
        {rows.map((row) => (
          <li key={row.id}>{row.common_name ?? allNames(row.sans)[0] ?? row.serial_number}</li>
        ))}
      </ul>
      {series.done > 0 && <progress value={series.done} max={rows.length} aria-label={t.bulk.progress} />}
      {series.failed.length > 0 && (
        <div class="problem" role="alert">
          <ul class="plain">
            {series.failed.map((text) => (
              <li key={text}>{text}</li>
            ))}
          </ul>
        </div>
      )}
    </>
  );
}

interface Of {
  rows: Certificate[];
  onClose: () => void;
  onDone: () => void;
}

function Tagging({ rows, onClose, onDone }: Of) {
  const series = useSeries(rows, onDone);
  const form = useForm({ key: '', value: '' }, ({ key, value }) =>
    series.run(async ({ id }) => {
      // The call replaces all tags, and the list may be old: what others have set since stays.
      const { of, state } = await see('/v1/pki/certificates/{id}', { path: { id } });
      await call('patch', '/v1/pki/certificates/{id}', { path: { id }, body: { tags: { ...of.tags, [key.trim()]: value.trim() } }, state });
    }),
  );
  return (
    <Dialog title={t.bulk.tagTitle(rows.length)} onClose={onClose}>
      <FormOf form={form} action={t.bulk.tag} more={<Button onClick={onClose}>{series.done > 0 ? t.common.close : t.common.cancel}</Button>}>
        <Preview rows={rows} series={series} />
        <div class="row">
          <Text form={form} name="key" label={t.bulk.key} placeholder="team" />
          <Text form={form} name="value" label={t.bulk.value} placeholder="web" />
        </div>
      </FormOf>
    </Dialog>
  );
}

function Revoking({ rows, onClose, onDone }: Of) {
  const series = useSeries(rows, onDone);
  const form = useForm<{ reason: Reason }>({ reason: 'unspecified' }, ({ reason }) =>
    series.run((row) => call('post', '/v1/pki/revoke', { body: { serial_number: row.serial_number, reason, ca_id: row.ca_id } })),
  );
  const unreplaced = rows.filter((row) => !row.renewed_by).length;
  return (
    <Dialog title={t.bulk.revokeTitle(rows.length)} onClose={onClose}>
      <FormOf form={form} action={t.revoke.action} kind="danger" more={<Button onClick={onClose}>{series.done > 0 ? t.common.close : t.common.cancel}</Button>}>
        <Preview rows={rows} series={series} />
        <RevocationReason form={form} />
        <ul class="consequences">
          <li>{t.revoke.forGood}</li>
          {unreplaced > 0 && <li>{t.bulk.unreplaced(unreplaced)}</li>}
        </ul>
      </FormOf>
    </Dialog>
  );
}

/** What can be done with the certificates that are ticked. */
export function Bulk({ rows, canRevoke, onClear, onDone }: { rows: Certificate[]; canRevoke: boolean; onClear: () => void; onDone: () => void }) {
  // What was chosen when the dialog was opened: the list changes below it.
  const [open, setOpen] = useState<{ act: 'tag' | 'revoke'; rows: Certificate[] }>();
  const close = () => setOpen(undefined);
  const active = rows.filter((row) => row.status === 'active');
  return (
    <div class="bulk" role="region" aria-label={t.bulk.title}>
      <strong>{t.bulk.chosen(rows.length)}</strong>
      <div class="actions">
        <Button onClick={() => setOpen({ act: 'tag', rows })}>{t.bulk.tag}</Button>
        {canRevoke && active.length > 0 && (
          <Button kind="danger" onClick={() => setOpen({ act: 'revoke', rows: active })}>
            {t.revoke.action}
          </Button>
        )}
        <Button kind="quiet" onClick={onClear}>
          {t.bulk.clear}
        </Button>
      </div>
      {open?.act === 'tag' && <Tagging rows={open.rows} onClose={close} onDone={onDone} />}
      {open?.act === 'revoke' && <Revoking rows={open.rows} onClose={close} onDone={onDone} />}
    </div>
  );
}
