/** Between the bench and its fleet processes, over IPC. */
export type ToFleet =
  | {
      type: "enrol";
      agentsUrl: string;
      token: string;
      caPem: string;
      count: number;
      prefix: string;
      concurrency: number;
    }
  | { type: "join"; opampUrl: string; token: string; count: number; prefix: string }
  | { type: "drop" }
  | { type: "connect"; perSecond: number; heartbeatMs: number }
  | { type: "forget_latencies" };

export type FromFleet =
  | { type: "enrolled"; count: number; latencies: number[] }
  | {
      type: "state";
      connected: number;
      /** Connect to first reply, since the last `forget_latencies`. */
      latencies: number[];
      messagesSent: number;
      messagesReceived: number;
      bytesSent: number;
      bytesReceived: number;
      /** Configurations that agents said they run. */
      applied: number;
      fullStateAsked: number;
      refused: number;
      errors: string[];
    };
