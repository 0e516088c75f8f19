// The parts of an LDK node that gossip needs to be there and never calls: fees, chain, routes, persistence.

import * as ldk from "lightningdevkit";

/** Log records kept; older ones go first. */
const MAX_LOG_LINES = 2_000;
/** LDK's relay floor, satoshi per 1000 weight. */
const FEE_RATE = 253;

/** LDK's log, from info on, into `lines`. */
export function newLogger(lines: string[]): ldk.Logger {
  return ldk.Logger.new_impl({
    log(record) {
      if (record.get_level() < ldk.Level.LDKLevel_Debug) return;
      lines.push(`${record.get_module_path()}:${record.get_line()} ${record.get_args()}`);
      if (lines.length > MAX_LOG_LINES) lines.shift();
    },
  });
}

/**
 * A ChannelManager without channels. It is there for its init: unlike LDK's bare test handlers it demands the feature
 * bits that a deployed LDK node demands.
 */
export function newChannelManager(
  network: ldk.Network,
  keys: ldk.KeysManager,
  logger: ldk.Logger,
  seconds: number,
): ldk.ChannelManager {
  const fees = ldk.FeeEstimator.new_impl({ get_est_sat_per_1000_weight: () => FEE_RATE });
  const broadcaster = ldk.BroadcasterInterface.new_impl({ broadcast_transactions: unused });
  const persist = ldk.Persist.new_impl({
    persist_new_channel: unused,
    update_persisted_channel: unused,
    archive_persisted_channel: unused,
  });
  const noFilter = ldk.Option_FilterZ.constructor_none();
  const monitor = ldk.ChainMonitor.constructor_new(noFilter, broadcaster, logger, fees, persist);
  const router = ldk.Router.new_impl({
    find_route: unused,
    find_route_with_id: unused,
    create_blinded_payment_paths: unused,
  });
  const messageRouter = ldk.MessageRouter.new_impl({
    find_path: unused,
    create_blinded_paths: unused,
    create_compact_blinded_paths: unused,
  });
  const best = ldk.BestBlock.constructor_from_network(network);
  return ldk.ChannelManager.constructor_new(
    fees,
    monitor.as_Watch(),
    broadcaster,
    router,
    messageRouter,
    logger,
    keys.as_EntropySource(),
    keys.as_NodeSigner(),
    keys.as_SignerProvider(),
    ldk.UserConfig.constructor_default(),
    ldk.ChainParameters.constructor_new(network, best),
    seconds,
  );
}

function unused(): never {
  throw new Error("LDK called a part that a node without channels does not need");
}
