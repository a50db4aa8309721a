"""Aurora Serverless v2 PostgreSQL that pauses when nobody is connected."""

from __future__ import annotations

from aws_cdk import ArnFormat, Duration, RemovalPolicy, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_rds as rds
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import custom_resources as cr
from constructs import Construct

from cdk_src.configuration import Configuration
from cdk_src.network import Network
from cdk_src.task import Container

_DATABASE = "prompt_app"
_USERS = {"web": "prompt_app_web", "worker": "prompt_app_worker"}


class Database(Construct):
    """The cluster, with its passwords in Secrets Manager.

    Tasks get the address by libpq's own ``PG*`` variables, so that the password is never part of
    a URL: ``environment`` and ``secrets_of``. Each kind of task has a user of its own, who reads
    and writes rows; what makes the tables and these users is ``preparation``.
    """

    def __init__(
        self, scope: Construct, id: str, *, configuration: Configuration, network: Network
    ) -> None:
        super().__init__(scope, id)
        engine = rds.DatabaseClusterEngine.aurora_postgres(
            version=rds.AuroraPostgresEngineVersion.VER_17_7
        )
        pauses = configuration.database_min_acu == 0
        self.cluster = rds.DatabaseCluster(
            self,
            "Cluster",
            engine=engine,
            default_database_name=_DATABASE,
            credentials=rds.Credentials.from_generated_secret("prompt_app"),
            writer=rds.ClusterInstance.serverless_v2("Writer", auto_minor_version_upgrade=True),
            serverless_v2_min_capacity=configuration.database_min_acu,
            serverless_v2_max_capacity=configuration.database_max_acu,
            serverless_v2_auto_pause_duration=(
                Duration.minutes(configuration.database_pause_minutes) if pauses else None
            ),
            vpc=network.vpc,
            vpc_subnets=network.isolated,
            security_groups=[
                ec2.SecurityGroup(
                    self,
                    "SecurityGroup",
                    vpc=network.vpc,
                    description="PostgreSQL, from the tasks only",
                    allow_all_outbound=False,
                )
            ],
            parameter_group=rds.ParameterGroup(
                self,
                "Parameters",
                engine=engine,
                description="TLS is required",
                parameters={"rds.force_ssl": "1"},
            ),
            storage_encrypted=True,
            iam_authentication=True,
            copy_tags_to_snapshot=True,
            backup=rds.BackupProps(retention=Duration.days(configuration.database_backup_days)),
            cloudwatch_logs_exports=["postgresql"],
            # A snapshot, not RETAIN: a cluster left behind would keep its VPC from being deleted.
            removal_policy=(
                RemovalPolicy.DESTROY if configuration.destroys_data else RemovalPolicy.SNAPSHOT
            ),
        )
        self._limit_log(configuration)
        secret = self.cluster.secret
        assert secret is not None
        self._owner = secret
        self._users = {
            task: rds.DatabaseSecret(self, f"{task.capitalize()}User", username=name)
            for task, name in _USERS.items()
        }
        self.environment = {
            "DATABASE_URL": "postgresql+psycopg://",
            "PGHOST": self.cluster.cluster_endpoint.hostname,
            "PGPORT": "5432",
            "PGDATABASE": _DATABASE,
            "PGSSLMODE": "verify-full",
            "PGSSLROOTCERT": "/etc/ssl/certs/rds.pem",
            # The cluster can be restored to any moment; a task's disk goes with the task.
            "PROMPT_APP_MIGRATION_BACKUP": "false",
        }
        if pauses:
            # It pauses only while nobody is connected.
            self.environment["PROMPT_APP_IDLE_SECONDS"] = "60"

    def secrets_of(self, task: str) -> dict[str, ecs.Secret]:
        """The login of ``web`` or ``worker`` tasks."""
        return _login(self._users[task])

    @property
    def preparation(self) -> Container:
        """Runs to its end before the app, as the owner of the tables."""
        passwords = {f"{task.upper()}_PASSWORD": secret for task, secret in self._users.items()}
        # Secrets Manager's passwords have no character that JSON or the shell takes otherwise.
        users = ",".join(
            f'\\"{name}\\":\\"${task.upper()}_PASSWORD\\"' for task, name in _USERS.items()
        )
        script = f'PROMPT_APP_DATABASE_USERS="{{{users}}}" exec prompt-app migrate'
        return Container(
            command=["sh", "-c", script],
            secrets={
                **_login(self._owner),
                **{
                    variable: ecs.Secret.from_secrets_manager(secret, "password")
                    for variable, secret in passwords.items()
                },
            },
        )

    def _limit_log(self, configuration: Configuration) -> None:
        """Aurora makes the log group that it exports to by itself, and for ever: make it here if
        Aurora has not, and let it expire. The library's own way may do this to every group."""
        name = f"/aws/rds/cluster/{self.cluster.cluster_identifier}/postgresql"
        arn = Stack.of(self).format_arn(
            service="logs",
            resource="log-group",
            resource_name=name,
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        calls = {}
        for id, action, more, ignored in (
            ("Log", "createLogGroup", {}, "ResourceAlreadyExistsException"),
            (
                "LogRetention",
                "putRetentionPolicy",
                {"retentionInDays": configuration.log_retention_days},
                None,
            ),
        ):
            calls[id] = cr.AwsCustomResource(
                self,
                id,
                on_update=cr.AwsSdkCall(
                    service="CloudWatchLogs",
                    action=action,
                    parameters={"logGroupName": name, **more},
                    physical_resource_id=cr.PhysicalResourceId.of(name),
                    ignore_error_codes_matching=ignored,
                ),
                policy=cr.AwsCustomResourcePolicy.from_sdk_calls(resources=[arn, f"{arn}:*"]),
                install_latest_aws_sdk=False,
                removal_policy=RemovalPolicy.DESTROY,
            )
        calls["LogRetention"].node.add_dependency(calls["Log"])

    def allow_from(self, client: ec2.IConnectable) -> None:
        """Let ``client`` connect."""
        self.cluster.connections.allow_from(client, ec2.Port.tcp(5432), "PostgreSQL")


def _login(secret: secretsmanager.ISecret) -> dict[str, ecs.Secret]:
    return {
        "PGUSER": ecs.Secret.from_secrets_manager(secret, "username"),
        "PGPASSWORD": ecs.Secret.from_secrets_manager(secret, "password"),
    }
