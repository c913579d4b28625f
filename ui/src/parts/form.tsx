import type { ComponentChildren, TargetedEvent } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { ApiError } from '../api/client';
import { asApiError } from '../lib/load';
import { t } from '../texts';
import { Button, Problem } from './basics';

type Values = Record<string, string | boolean>;

export interface Form<V extends Values> {
  v: V;
  set<K extends keyof V>(name: K, value: V[K]): void;
  busy: boolean;
  error: ApiError | undefined;
  submit(event: TargetedEvent<HTMLFormElement>): void;
  known: Set<string>;
}

/** The values of a form, and what became of sending them. */
export function useForm<V extends Values>(initial: V, send: (values: V) => Promise<void>): Form<V> {
  const [v, setV] = useState(initial);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError>();
  return {
    v,
    set: (name, value) => setV((old) => ({ ...old, [name]: value })),
    busy,
    error,
    known: new Set(Object.keys(initial)),
    submit(event) {
      event.preventDefault();
      const form = event.currentTarget;
      setBusy(true);
      setError(undefined);
      send(v)
        .catch((cause: unknown) => {
          setError(asApiError(cause));
          requestAnimationFrame(() => form.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus());
        })
        .finally(() => setBusy(false));
    },
  };
}

/** `anew` reads what the form changes once more: offered where somebody else has changed it since. */
export function FormOf<V extends Values>({ form, action, children, more, anew, kind = 'primary' }: { form: Form<V>; action: string; children?: ComponentChildren; more?: ComponentChildren; anew?: (() => void) | undefined; kind?: 'primary' | 'danger' | 'plain' }) {
  return (
    <form class="form" onSubmit={form.submit} noValidate>
      {children}
      {form.error && <Problem error={form.error} shown={form.known} {...(anew && form.error.status === 412 ? { retry: anew } : {})} />}
      <div class="actions start">
        <Button type="submit" {...(kind === 'plain' ? {} : { kind })} busy={form.busy}>
          {action}
        </Button>
        {more}
      </div>
    </form>
  );
}

interface FieldProps {
  label: string;
  hint?: ComponentChildren;
  error?: string | undefined;
  optional?: boolean;
}

function Field({ label, hint, error, optional, children }: FieldProps & { children: (attributes: { id: string; 'aria-describedby'?: string; 'aria-invalid'?: 'true' }) => ComponentChildren }) {
  const id = useId();
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(' ');
  return (
    <div class={error ? 'field wrong' : 'field'}>
      <label for={id}>
        {label}
        {optional && <span class="faint"> {t.common.optional}</span>}
      </label>
      {children({ id, ...(described ? { 'aria-describedby': described } : {}), ...(error ? { 'aria-invalid': 'true' as const } : {}) })}
      {hint && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {error && (
        <p class="error" id={`${id}-error`}>
          {error}
        </p>
      )}
    </div>
  );
}

type Bound<V extends Values> = { form: Form<V>; name: keyof V & string } & Omit<FieldProps, 'error'>;

export function Text<V extends Values>({ form, name, type = 'text', placeholder, autocomplete = 'off', mono, ...field }: Bound<V> & { type?: 'text' | 'password' | 'email' | 'url'; placeholder?: string; autocomplete?: string; mono?: boolean }) {
  return (
    <Field {...field} error={form.error?.field(name)}>
      {(attributes) => (
        <input {...attributes} {...({ type } as { type: 'text' })} name={name} class={mono ? 'mono' : undefined} value={String(form.v[name])} placeholder={placeholder} autocomplete={autocomplete} spellcheck={false} autocapitalize="none" onInput={(event) => form.set(name, event.currentTarget.value as V[typeof name])} />
      )}
    </Field>
  );
}

export function LongText<V extends Values>({ form, name, rows = 4, placeholder, mono, ...field }: Bound<V> & { rows?: number; placeholder?: string; mono?: boolean }) {
  return (
    <Field {...field} error={form.error?.field(name)}>
      {(attributes) => (
        <textarea {...attributes} name={name} rows={rows} class={mono ? 'mono' : undefined} value={String(form.v[name])} placeholder={placeholder} spellcheck={false} autocapitalize="none" onInput={(event) => form.set(name, event.currentTarget.value as V[typeof name])} />
      )}
    </Field>
  );
}

export interface Choice<W = string> {
  value: W;
  text: string;
  hint?: string;
}

/** What can be chosen is of the field's type, so that words of the API's are its present ones. */
type Chosen<V extends Values, K extends keyof V & string> = Bound<V> & { name: K; choices: readonly Choice<V[K] & string>[] };

export function Select<V extends Values, K extends keyof V & string>({ form, name, choices, ...field }: Chosen<V, K>) {
  return (
    <Field {...field} error={form.error?.field(name)}>
      {(attributes) => (
        <select {...attributes} name={name} value={String(form.v[name])} onChange={(event) => form.set(name, event.currentTarget.value as V[typeof name])}>
          {choices.map(({ value, text }) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

export function Tick<V extends Values>({ form, name, label, hint }: Bound<V>) {
  const id = useId();
  return (
    <div class="tick">
      <input id={id} name={name} type="checkbox" checked={Boolean(form.v[name])} onChange={(event) => form.set(name, event.currentTarget.checked as V[typeof name])} aria-describedby={hint ? `${id}-hint` : undefined} />
      <div>
        <label for={id}>{label}</label>
        {hint && (
          <p class="hint" id={`${id}-hint`}>
            {hint}
          </p>
        )}
      </div>
    </div>
  );
}

export function Radios<V extends Values, K extends keyof V & string>({ form, name, label, choices }: Chosen<V, K>) {
  const id = useId();
  return (
    <fieldset class="radios">
      <legend>{label}</legend>
      {choices.map(({ value, text, hint }) => (
        <label key={value} class="radio">
          <input type="radio" name={`${id}-${name}`} value={value} checked={form.v[name] === value} onChange={() => form.set(name, value as V[typeof name])} />
          <span>
            {text}
            {hint && <span class="hint">{hint}</span>}
          </span>
        </label>
      ))}
    </fieldset>
  );
}

/** A dialog of the browser's own, which keeps the focus and closes with Escape. */
export function Dialog({ title, onClose, children }: { title: string; onClose: () => void; children: ComponentChildren }) {
  const element = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = element.current;
    const before = document.activeElement;
    dialog?.showModal();
    return () => {
      dialog?.close();
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog ref={element} aria-labelledby={id} onCancel={onClose}>
      <h2 id={id}>{title}</h2>
      {children}
    </dialog>
  );
}

/** Asks before something that cannot be undone. */
export function Confirm({ title, action, onClose, send, anew, children }: { title: string; action: string; onClose: () => void; send: () => Promise<void>; anew?: () => void; children?: ComponentChildren }) {
  const form = useForm({}, async () => {
    await send();
    onClose();
  });
  return (
    <Dialog title={title} onClose={onClose}>
      <FormOf form={form} action={action} kind="danger" anew={anew} more={<Button onClick={onClose}>{t.common.cancel}</Button>}>
        {children}
      </FormOf>
    </Dialog>
  );
}
