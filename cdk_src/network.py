"""The VPC: a new one with three tiers, or an existing one."""

from __future__ import annotations

from aws_cdk import RemovalPolicy
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from cdk_src.configuration import Configuration
from cdk_src.removal import log_retention


class Network(Construct):
    """``private`` subnets reach the internet through NAT; ``isolated`` ones reach nothing.

    In an existing VPC both are the given private subnets.
    """

    def __init__(self, scope: Construct, id: str, *, configuration: Configuration) -> None:
        super().__init__(scope, id)
        self.vpc: ec2.IVpc
        if configuration.vpc_id:
            self.vpc = ec2.Vpc.from_vpc_attributes(
                self,
                "Vpc",
                vpc_id=configuration.vpc_id,
                availability_zones=list(configuration.vpc_availability_zones or ()),
                private_subnet_ids=list(configuration.vpc_private_subnet_ids or ()),
            )
            self.private = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS)
            self.isolated = self.private
            return
        self.vpc = self._new_vpc(configuration)
        self.private = ec2.SubnetSelection(subnet_group_name="Private")
        self.isolated = ec2.SubnetSelection(subnet_group_name="Isolated")

    def _new_vpc(self, configuration: Configuration) -> ec2.Vpc:
        zones = configuration.vpc_availability_zones
        vpc = ec2.Vpc(
            self,
            "Vpc",
            availability_zones=list(zones) if zones else None,
            max_azs=None if zones else 2,
            nat_gateways=configuration.nat_gateways,
            restrict_default_security_group=False,
            subnet_configuration=[
                ec2.SubnetConfiguration(
                    name="Public",
                    subnet_type=ec2.SubnetType.PUBLIC,
                    cidr_mask=26,
                    map_public_ip_on_launch=False,
                ),
                ec2.SubnetConfiguration(
                    name="Private", subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS, cidr_mask=22
                ),
                ec2.SubnetConfiguration(
                    name="Isolated", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=26
                ),
            ],
            # Without it every read of the bucket is billed by the NAT gateway.
            gateway_endpoints={
                "S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3)
            },
        )
        log_group = logs.LogGroup(
            self,
            "RejectedTraffic",
            retention=log_retention(configuration),
            removal_policy=RemovalPolicy.DESTROY,
        )
        vpc.add_flow_log(
            "RejectedTraffic",
            traffic_type=ec2.FlowLogTrafficType.REJECT,
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(
                log_group,
                iam.Role(
                    self,
                    "FlowLogRole",
                    assumed_by=iam.ServicePrincipal("vpc-flow-logs.amazonaws.com"),
                ),
            ),
        )
        return vpc
