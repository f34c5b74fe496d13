import { UsageError } from '../options/options.ts';
import { type BindAddress, parseBindAddress } from '../server/bind-address.ts';

/** Where an option says to listen. Throws UsageError. */
export function bindOption(option: string, text: string): BindAddress {
  const address = parseBindAddress(text);
  if (address !== undefined) return address;
  throw new UsageError(
    `--${option}: ${JSON.stringify(text)} must be an address such as :8081, 127.0.0.1:8081 or [::1]:8081`,
  );
}
