/** Dialogs, by Base UI: where the focus is, what Escape does and who is told of it is theirs. */
import { Dialog } from '@base-ui/react/dialog';
import type { ReactNode } from 'react';
import { Icon } from './icon.tsx';

/** A dialog over the page. */
export function Sheet({
  open,
  onClose,
  title,
  children,
}: {
  readonly open: boolean;
  readonly onClose: () => void;
  readonly title: string;
  readonly children: ReactNode;
}): ReactNode {
  return (
    <Dialog.Root open={open} onOpenChange={(isOpen) => (isOpen ? undefined : onClose())}>
      <Dialog.Portal>
        <Dialog.Backdrop className="backdrop" />
        <Dialog.Popup className="sheet">
          <header>
            <Dialog.Title>{title}</Dialog.Title>
            <Dialog.Close className="icon-button" aria-label="Close">
              <Icon name="cross" />
            </Dialog.Close>
          </header>
          {children}
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

/** Asks whether something shall be stopped. */
export function CancelSheet({
  title,
  open,
  onClose,
  onCancel,
  children,
}: {
  readonly title: string;
  readonly open: boolean;
  readonly onClose: () => void;
  readonly onCancel: () => void;
  readonly children: ReactNode;
}): ReactNode {
  return (
    <Sheet open={open} onClose={onClose} title={title}>
      <p>{children}</p>
      <footer>
        <button type="button" className="button plain" onClick={onClose}>
          No
        </button>
        <button type="button" className="button danger" onClick={onCancel}>
          Cancel it
        </button>
      </footer>
    </Sheet>
  );
}
