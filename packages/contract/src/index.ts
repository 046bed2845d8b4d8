export const packageName = "@flowplane/contract";
