// @peculiar/x509 wires itself up with tsyringe, which needs this polyfill to be there first. Import x509 from here.
import "reflect-metadata";

export * from "@peculiar/x509";
