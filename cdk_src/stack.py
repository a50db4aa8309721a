"""The stack composes the constructs; each owns its resources."""

from __future__ import annotations

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from constructs import Construct

from cdk_src.configuration import Configuration
from cdk_src.data_bucket import BATCH, DATASETS, FILES, TUNING, DataBucket
from cdk_src.database import Database
from cdk_src.edge import Edge
from cdk_src.load_balancer import LoadBalancer
from cdk_src.login import Login
from cdk_src.model_access import ModelAccess
from cdk_src.monitoring import Monitoring
from cdk_src.network import Network
from cdk_src.removal import limit_function_logs
from cdk_src.task import Platform, build_image
from cdk_src.web_service import WebService
from cdk_src.workers import RunQueue, Workers


class PromptAppStack(Stack):
    """Knows neither account nor region: it deploys to those of the credentials in use."""

    def __init__(self, scope: Construct, *, configuration: Configuration) -> None:
        super().__init__(
            scope,
            configuration.stack_name,
            description="Prompt studio: CloudFront, Fargate, Aurora, Cognito",
        )
        self._configuration = configuration
        self._network = Network(self, "Network", configuration=configuration)
        self._data = DataBucket(self, "Data", configuration=configuration)
        self._models = ModelAccess(self, "Models", configuration=configuration, data=self._data)
        if configuration.deploy_prompt_app:
            self._add_app()
        if configuration.deploy_sagemaker_domain:
            # The module takes a second to import.
            from cdk_src.sagemaker_studio import SageMakerStudio

            SageMakerStudio(
                self,
                "Studio",
                configuration=configuration,
                network=self._network,
                data=self._data,
                models=self._models,
            )
        limit_function_logs(self, configuration)

    def _add_app(self) -> None:
        configuration, network, data = self._configuration, self._network, self._data
        database = Database(self, "Database", configuration=configuration, network=network)
        queue = RunQueue(self, "Runs")
        # The web task needs the edge's address for the login and the edge needs the load
        # balancer, so the load balancer comes before its service.
        load_balancer = LoadBalancer(
            self, "LoadBalancer", configuration=configuration, network=network, logs=data.logs
        )
        edge = Edge(
            self,
            "Edge",
            configuration=configuration,
            network=network,
            load_balancer=load_balancer,
            logs=data.logs,
        )
        login = Login(self, "Login", configuration=configuration, url=edge.url)
        platform = self._make_platform(database, queue)
        web = WebService(
            self,
            "Web",
            configuration=configuration,
            platform=platform,
            login=login,
            load_balancer=load_balancer,
            environment={
                "PROMPT_APP_BEDROCK_QUOTAS": str(configuration.bedrock_quotas).lower(),
                "PROMPT_APP_TUNING_ROLE_ARN": self._models.tuning_role.role_arn,
                "PROMPT_APP_TUNING_URL": data.url(TUNING),
            },
        )
        workers = Workers(
            self,
            "Workers",
            configuration=configuration,
            platform=platform,
            queue=queue,
            environment={
                "PROMPT_APP_BATCH_ROLE_ARN": self._models.batch_role.role_arn,
                "PROMPT_APP_BATCH_URL": data.url(BATCH),
            },
        )
        for task in (web.task, workers.task):
            database.allow_from(task.security_group)
        # The web task makes the tables, and the workers' database user.
        workers.service.node.add_dependency(web.service)
        self._grant(web.task.definition.task_role, workers.task.definition.task_role, queue)
        Monitoring(
            self,
            "Monitoring",
            configuration=configuration,
            web=web,
            workers=workers,
            database=database,
        )
        CfnOutput(self, "Url", value=edge.url, description="Address of the studio")
        CfnOutput(
            self,
            "DistributionDomain",
            value=edge.distribution.distribution_domain_name,
            description="What a custom domain's records point to",
        )
        CfnOutput(self, "DataBucketName", value=data.bucket.bucket_name)
        CfnOutput(self, "WebLog", value=web.task.log_group.log_group_name)
        CfnOutput(self, "WorkerLog", value=workers.task.log_group.log_group_name)

    def _grant(self, web: iam.IRole, worker: iam.IRole, queue: RunQueue) -> None:
        """What the tasks may do, beside what their constructs give them."""
        data, models = self._data, self._models
        for role in (web, worker):
            data.grant_read(role, FILES)
            models.grant_use(role)
            models.grant_tuned(role)
        queue.grant_send(web)
        data.grant_read(web, DATASETS)
        data.grant_put_large(web, FILES)
        data.grant_put(web, TUNING)
        models.grant_tuning(web)
        models.grant_listing(web)
        data.grant_read(worker, BATCH)
        data.grant_put(worker, BATCH)
        models.grant_batch(worker)
        models.grant_watching_tuning(worker)

    def _make_platform(self, database: Database, queue: RunQueue) -> Platform:
        configuration = self._configuration
        cluster = ecs.Cluster(
            self,
            "Cluster",
            vpc=self._network.vpc,
            container_insights_v2=ecs.ContainerInsights.ENABLED,
        )
        return Platform(
            cluster=cluster,
            image=build_image(self, configuration),
            network=self._network,
            database=database,
            environment={
                "PROMPT_APP_DATA_DIR": "/data",
                "PROMPT_APP_BLOB_URL": self._data.url(FILES),
                "PROMPT_APP_BROKER_URL": queue.queue.queue_url,
                "PROMPT_APP_ALLOW_PRIVATE_ADDRESSES": "false",
                # Aurora keeps its own; what a task writes is gone with it.
                "PROMPT_APP_MIGRATION_BACKUP": "false",
                "OPENAI_SECRET_NAME": configuration.openai_secret_name,
                "LOG_LEVEL": configuration.log_level,
                "LOG_FORMAT": "json",
                **database.environment,
            },
        )
