"""The states of a session and of a connection of the client, without a transport or a reactor."""
